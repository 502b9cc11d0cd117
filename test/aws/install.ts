// Installs the endpoints of the tests: DynamoDB Local (from Maven Central) and LocalStack (from PyPI).
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, installOnce, installPython, requireTool } from '../../tools/emulator/install.ts';

const source = (name: string): string => join(import.meta.dirname, name);

/** The folder holds `lib/*.jar` and `classes/LoopbackDynamoDb.class`. */
export async function installDynamoDbLocal(cache: string): Promise<string> {
  await requireTool('java', ['-version'], 'Java 17 or newer (Debian: apt-get install openjdk-17-jdk-headless)');
  const sources = ['dynamodb-local.pom.xml', 'LoopbackDynamoDb.java', 'log4j2.xml'].map(source);
  return installOnce(cache, 'dynamodb-local', sources, async (folder) => {
    const aJdk = 'a JDK, not only a JRE (Debian: apt-get install openjdk-17-jdk-headless)';
    await requireTool('javac', ['-version'], aJdk);
    await requireTool('mvn', ['-version'], 'Maven (Debian: apt-get install maven)');
    const copyJars = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
    const lib = join(folder, 'lib');
    const classes = join(folder, 'classes');
    copyFileSync(source('dynamodb-local.pom.xml'), join(folder, 'pom.xml'));
    await execute('mvn', ['-B', '-q', '-ntp', copyJars, '-DincludeScope=runtime', `-DoutputDirectory=${lib}`], folder);
    await execute('javac', ['-cp', join(lib, '*'), '-d', classes, source('LoopbackDynamoDb.java')], folder);
    copyFileSync(source('log4j2.xml'), join(classes, 'log4j2.xml'));
  });
}

/** The folder holds a Python environment, `venv/bin/python`. LocalStack 4.14.0 asks for 3.10, but Python 3.11 cannot parse it. */
export async function installLocalStack(cache: string): Promise<string> {
  const constraints = source('localstack-constraints.txt');
  // The S3 and DynamoDB providers import the extra packages in addition to base-runtime.
  const packages = ['localstack-core[base-runtime]==4.14.0', 'moto-ext', 'jinja2', 'jsonpath-ng', 'pymongo'];
  return installOnce(cache, 'localstack', [constraints], (folder) =>
    installPython(folder, '3.12', packages, constraints),
  );
}

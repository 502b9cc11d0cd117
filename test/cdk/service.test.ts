import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { functionNames, functionRoutes } from '../../functions/routes.ts';
import { existingTableStream, resourcesOf, templatesWith } from './synth.ts';

const template = templatesWith().RivuletService!;
const authorizationOf = (given: Record<string, unknown>) =>
  Object.fromEntries(
    resourcesOf(templatesWith(given).RivuletService!, 'AWS::ApiGatewayV2::Route').map(([, { Properties }]) => [
      Properties.RouteKey,
      Properties.AuthorizationType,
    ]),
  );

const named = (value: unknown, pattern: RegExp): string => pattern.exec(JSON.stringify(value))![1]!;

/** Each route with the logical id of the function that it calls. */
function routesOf(of: Template): { readonly route: string; readonly calls: string }[] {
  const integrations = Object.fromEntries(resourcesOf(of, 'AWS::ApiGatewayV2::Integration'));
  return resourcesOf(of, 'AWS::ApiGatewayV2::Route').map(([, { Properties }]) => {
    const integration = integrations[named(Properties.Target, /"Ref":"(\w+)"/)]!;
    const calls = named(integration.Properties.IntegrationUri, /"Fn::GetAtt":\["(\w+)"/);
    return { route: String(Properties.RouteKey), calls };
  });
}

/** The part after the API's id in each source ARN for which the gateway may call a function. */
const permissionsOf = (of: Template, functionId: string): string[] =>
  resourcesOf(of, 'AWS::Lambda::Permission')
    .filter(([, { Properties }]) => JSON.stringify(Properties.FunctionName).includes(`"${functionId}"`))
    .map(([, { Properties }]) => named(Properties.SourceArn, /ServiceApi\w+"\},"\/([^"]+)"/));

/** Matches as IAM's ArnLike does: `*` stands for anything, including slashes, and nothing else is special. */
const matchesArn = (pattern: string, resource: string): boolean =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[$.+]/g, '\\$&'))
      .join('.*')}$`,
  ).test(resource);

describe('the functions', () => {
  test('run on Node 24 and arm64, outside any VPC, with nothing kept warm, and end before the gateway gives up', () => {
    const functions = resourcesOf(template, 'AWS::Lambda::Function').map(([, { Properties }]) => Properties);
    expect(functions).toHaveLength(functionNames.length);
    for (const { Runtime, Architectures, VpcConfig, Timeout, ReservedConcurrentExecutions } of functions)
      expect({
        Runtime,
        Architectures,
        VpcConfig,
        Reserved: ReservedConcurrentExecutions,
        in: Number(Timeout) < 30,
      }).toEqual({ Runtime: 'nodejs24.x', Architectures: ['arm64'], in: Timeout === 29 });
    template.resourceCountIs('AWS::Lambda::Version', 0);
    template.resourceCountIs('AWS::Lambda::Alias', 0);
  });

  test('log to log groups that expire their lines and are removed with the stack', () => {
    const groups = resourcesOf(templatesWith({ logRetentionDays: 3 }).RivuletService!, 'AWS::Logs::LogGroup');
    expect(groups).toHaveLength(functionNames.length + 1);
    for (const [, group] of groups)
      expect(group).toMatchObject({ DeletionPolicy: 'Delete', Properties: { RetentionInDays: 3 } });
  });

  test('invoke the tend function by themselves unless the deployment says otherwise', () => {
    const environments = (given: Record<string, unknown>) =>
      resourcesOf(templatesWith(given).RivuletService!, 'AWS::Lambda::Function')
        .filter(([, { Properties }]) => JSON.stringify(Properties.Environment).includes('TEND_FUNCTION'))
        .map(([id]) => /^Service([A-Z][a-z]+)/.exec(id)![1]);
    expect(environments({}).sort()).toEqual(['Lag', 'Maintenance', 'Produce', 'Topics']);
    expect(environments({ automaticMaintenance: false })).toEqual(['Topics']);
  });

  test('the tend function may go on by invoking itself, as many times at once as the deployment allows', () => {
    templatesWith({ maintenanceConcurrency: 8 }).RivuletService!.hasResourceProperties('AWS::Lambda::Function', {
      Description: 'Rivulet: merges, expires and compacts',
      ReservedConcurrentExecutions: 8,
      RecursiveLoop: 'Allow',
      Timeout: 900,
    });
  });

  test('leave a share of the account to producers when fetches are capped', () => {
    templatesWith({ fetchConcurrency: 50 }).RivuletService!.hasResourceProperties('AWS::Lambda::Function', {
      Description: 'Rivulet: reads records',
      ReservedConcurrentExecutions: 50,
    });
  });
});

describe('maintenance', () => {
  test('runs once a day, and a failed run ends in the queue', () => {
    template.resourceCountIs('AWS::Events::Rule', 2);
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'cron(47 * * * ? *)' });
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'cron(17 3 * * ? *)' });
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      MaximumRetryAttempts: 1,
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [Match.stringLikeRegexp('DeadLetters'), 'Arn'] } },
      },
    });
    template.hasResourceProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
  });
});

describe('the HTTP API', () => {
  const withHeads = (keys: readonly string[]) =>
    keys.flatMap((key) => (key.startsWith('GET ') ? [key, `HEAD ${key.slice(4)}`] : [key]));
  const routes = [...withHeads(Object.values(functionRoutes).flat()), '$default'];

  test('has the routes of functionRoutes with a HEAD beside each GET, each signed except health and the OpenAPI document', () => {
    const open = withHeads(['GET /v1/health', 'GET /openapi.json']);
    expect(authorizationOf({})).toEqual(
      Object.fromEntries(routes.map((route) => [route, open.includes(route) ? 'NONE' : 'AWS_IAM'])),
    );
  });

  test('may call the function of each route, also of $default, which has neither method nor path', () => {
    const pathOf = (route: string) =>
      route === '$default' ? '$default/$default' : `$default/${route.replace(' ', '')}`;
    const refused = routesOf(template).filter(
      ({ route, calls }) => !permissionsOf(template, calls).some((pattern) => matchesArn(pattern, pathOf(route))),
    );
    expect(refused).toEqual([]);
  });

  test('can require a signature on every route', () => {
    expect(authorizationOf({ publicHealth: false, publicOpenApi: false })).toEqual(
      Object.fromEntries(routes.map((route) => [route, 'AWS_IAM'])),
    );
  });

  test('answers no browser, unless its origin is named', () => {
    template.allResourcesProperties('AWS::ApiGatewayV2::Api', { CorsConfiguration: Match.absent() });
    const config = { corsOrigins: 'https://app.example.com,http://localhost:5173' };
    templatesWith(config).RivuletService!.hasResourceProperties('AWS::ApiGatewayV2::Api', {
      CorsConfiguration: Match.objectLike({
        AllowOrigins: ['https://app.example.com', 'http://localhost:5173'],
        AllowHeaders: Match.arrayWith(['authorization', 'x-amz-date', 'x-amz-security-token']),
      }),
    });
    expect(authorizationOf(config)).toMatchObject({ 'OPTIONS /{proxy+}': 'NONE', $default: 'AWS_IAM' });
  });

  test('is throttled, and each fetch route has a limit of its own', () => {
    templatesWith({ requestsPerSecond: 30, fetchesPerSecond: 7 }).RivuletService!.hasResourceProperties(
      'AWS::ApiGatewayV2::Stage',
      {
        DefaultRouteSettings: { ThrottlingRateLimit: 30, ThrottlingBurstLimit: 60 },
        RouteSettings: Object.fromEntries(
          withHeads(functionRoutes.fetch).map((route) => [route, { ThrottlingRateLimit: 7, ThrottlingBurstLimit: 14 }]),
        ),
      },
    );
  });

  test('writes an access log of JSON lines', () => {
    const [, stage] = resourcesOf(template, 'AWS::ApiGatewayV2::Stage')[0]!;
    const { Format } = stage.Properties.AccessLogSettings as { Format: string };
    expect(Object.keys(JSON.parse(Format))).toEqual(expect.arrayContaining(['requestId', 'route', 'status', 'caller']));
  });
});

describe('the stacks', () => {
  test('have outputs that say how to use the service', () => {
    expect(Object.keys(template.findOutputs('*'))).toEqual(
      expect.arrayContaining([
        'Url',
        'Region',
        'CommandLine',
        'Sdk',
        'BucketName',
        'TableName',
        'ProduceFunction',
        'MaintenanceFunction',
        'LagFunction',
        'TendFunction',
      ]),
    );
  });

  test('of several deployments have different names', () => {
    expect(Object.keys(templatesWith({ name: 'Staging' }))).toEqual(
      expect.arrayContaining(['StagingData', 'StagingService']),
    );
  });

  test('leave out the data stack when the data is that of another deployment', () => {
    const templates = templatesWith({
      existingBucket: 'kept-bucket',
      existingTable: 'kept-table',
      existingTableStream,
    });
    expect(Object.keys(templates)).not.toContain('RivuletData');
    templates.RivuletService!.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ BUCKET: 'kept-bucket', TABLE: 'kept-table' }) },
    });
  });

  test('keep their own table when the functions use a restored one', () => {
    const { RivuletData, RivuletService } = templatesWith({ existingTable: 'restored', existingTableStream });
    RivuletData!.resourceCountIs('AWS::DynamoDB::Table', 1);
    RivuletService!.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ TABLE: 'restored' }) },
    });
  });
});

// The HTTP API: the routes of functions/routes.ts, each with an IAM authorizer. `$default` leads to our own 404 and 405.
// The API is throttled as a whole, and each fetch route once more, so that busy consumers cannot use up the whole rate.
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  type CfnStage,
  CorsHttpMethod,
  type CorsPreflightOptions,
  HttpApi,
  type HttpMethod,
  HttpNoneAuthorizer,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { type ApiFunction, functionRoutes, routeKeysOf } from '../functions/routes.ts';
import { corsRules } from '../http/cors.ts';
import { accept } from './accepted-findings.ts';
import type { RivuletConfig } from './config.ts';
import type { Functions } from './functions.ts';

export function createHttpApi(scope: Construct, functions: Functions, config: RivuletConfig): HttpApi {
  const api = new HttpApi(scope, 'Api', {
    apiName: config.name,
    description: 'Rivulet',
    createDefaultStage: false,
    defaultAuthorizer: new HttpIamAuthorizer(),
    ...(config.corsOrigins !== '' && { corsPreflight: corsOf(config.corsOrigins.split(',')) }),
  });
  const routes = (Object.keys(functionRoutes) as ApiFunction[]).flatMap((name) =>
    addRoutes(api, name, functions, config),
  );
  allowDefaultRoute(api, functions);
  addStage(api, config, routes);
  return api;
}

function corsOf(allowOrigins: string[]): CorsPreflightOptions {
  return {
    allowOrigins,
    allowMethods: corsRules.methods.map((method) => CorsHttpMethod[method]),
    allowHeaders: [...corsRules.requestHeaders],
    exposeHeaders: [...corsRules.exposedHeaders],
    maxAge: Duration.seconds(corsRules.maxAgeSeconds),
  };
}

/**
 * A browser sends no signature with the question whether it may ask. Without this route, `$default` would want one. The
 * gateway answers by itself, and calls no function.
 */
const preflightKeys = ({ corsOrigins }: RivuletConfig): string[] => (corsOrigins === '' ? [] : [preflightKey]);
const preflightKey = 'OPTIONS /{proxy+}';

function addRoutes(api: HttpApi, name: ApiFunction, functions: Functions, config: RivuletConfig): HttpRoute[] {
  const integration = new HttpLambdaIntegration(`${name}-integration`, functions[name], {
    scopePermissionToRoute: false,
  });
  const keys = [...routeKeysOf(name), ...(name === 'meta' ? ['$default', ...preflightKeys(config)] : [])];
  return keys.map((key) => {
    const authorizer = isPublic(key, config) ? new HttpNoneAuthorizer() : api.defaultAuthorizer;
    const route = new HttpRoute(api, key, {
      httpApi: api,
      routeKey: routeKeyOf(key),
      integration,
      ...(authorizer && { authorizer }),
    });
    if (isPublic(key, config))
      accept(route, {
        id: 'AwsSolutions-APIG4',
        reason: 'The configuration opens this route. It reads no data and is throttled.',
      });
    return route;
  });
}

/**
 * The integration lets the gateway call its function for stage/method/path. `$default` has no method in that ARN, so AWS
 * would refuse the call and the gateway would answer 500. No emulator checks this permission.
 */
function allowDefaultRoute(api: HttpApi, { meta }: Functions): void {
  const resourceName = '*/$default';
  meta.addPermission('DefaultRoute', {
    principal: new ServicePrincipal('apigateway.amazonaws.com'),
    sourceArn: Stack.of(api).formatArn({ service: 'execute-api', resource: api.apiId, resourceName }),
  });
}

function routeKeyOf(key: string): HttpRouteKey {
  const [method, path] = key.split(' ');
  return path === undefined ? HttpRouteKey.DEFAULT : HttpRouteKey.with(path, method as HttpMethod);
}

const isPublic = (key: string, { publicHealth, publicOpenApi }: RivuletConfig): boolean =>
  key === preflightKey ||
  (publicHealth && key.endsWith(' /v1/health')) ||
  (publicOpenApi && key.endsWith(' /openapi.json'));

function addStage(api: HttpApi, config: RivuletConfig, routes: readonly HttpRoute[]): void {
  const log = new LogGroup(api, 'AccessLog', {
    retention: config.logRetentionDays satisfies RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const stage = new HttpStage(api, 'Stage', {
    httpApi: api,
    autoDeploy: true,
    throttle: { rateLimit: config.requestsPerSecond, burstLimit: config.requestsPerSecond * 2 },
    accessLogSettings: { destination: new LogGroupLogDestination(log), format: AccessLogFormat.custom(accessLogLine) },
  });
  const limit = { ThrottlingRateLimit: config.fetchesPerSecond, ThrottlingBurstLimit: config.fetchesPerSecond * 2 };
  (stage.node.defaultChild as CfnStage).routeSettings = Object.fromEntries(
    routeKeysOf('fetch').map((key) => [key, limit]),
  );
  // The settings name routes, so the routes must exist before the stage.
  stage.node.addDependency(...routes);
}

/** One line of JSON. It holds no header, query or body, because those may hold secrets. */
const accessLogLine = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTimeEpoch',
  route: '$context.routeKey',
  path: '$context.path',
  status: '$context.status',
  ms: '$context.responseLatency',
  bytes: '$context.responseLength',
  caller: '$context.identity.userArn',
  ip: '$context.identity.sourceIp',
  error: '$context.error.message',
  integrationError: '$context.integrationErrorMessage',
});

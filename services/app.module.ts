import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import type { Backend } from '#libs/backend/backend.js';
import type { Instruments } from '#libs/observability/instruments.js';
import type { Logger } from '#libs/observability/logger.js';
import { AdminController } from './admin/admin.controller.js';
import type { Gateway } from './gateway/gateway.js';
import { ArtifactsController } from './gateway/artifacts.controller.js';
import { ClickhouseController } from './gateway/clickhouse.controller.js';
import { GraphqlController } from './gateway/graphql.controller.js';
import { MlflowController } from './doors/mlflow/mlflow.controller.js';
import { S3Controller } from './doors/sagemaker/s3.controller.js';
import { SageMakerController } from './doors/sagemaker/sagemaker.controller.js';
import { WandbController } from './doors/wandb/wandb.controller.js';
import { Bodies } from './http/bodies.js';
import { ErrorFilter } from './http/error-filter.js';
import { ExportController } from './ingest/export.controller.js';
import { IngestController } from './ingest/ingest.controller.js';
import { ProjectorController } from './projector/projector.controller.js';
import { StatusController } from './status/status.controller.js';
import { BACKEND, BODIES, GATEWAY, INSTRUMENTS, LOGGER, REBUILD } from './tokens.js';
import type { Rebuild } from './admin/admin.controller.js';

export interface AppParts {
  readonly backend: Backend;
  readonly gateway: Gateway;
  readonly instruments: Instruments;
  readonly logger: Logger;
  readonly rebuild: Rebuild;
}

/** The roles of this process, each a handful of controllers over the same opened backend. */
@Module({})
export class AppModule {
  static register(parts: AppParts): DynamicModule {
    const { roles } = parts.backend.configuration;
    const controllers: Type[] = [StatusController, AdminController];
    if (roles.includes('ingest')) controllers.push(IngestController, ExportController);
    if (roles.includes('projector')) controllers.push(ProjectorController);
    if (roles.includes('gateway')) {
      controllers.push(GraphqlController, ArtifactsController, ClickhouseController);
      // they write and read at once: like mutations, they append by themselves and wait for the read models
      controllers.push(MlflowController, SageMakerController, S3Controller, WandbController);
    }
    const value = (provide: symbol, useValue: unknown): Provider => ({ provide, useValue });
    return {
      module: AppModule,
      controllers,
      providers: [
        value(BACKEND, parts.backend),
        value(GATEWAY, parts.gateway),
        value(INSTRUMENTS, parts.instruments),
        value(LOGGER, parts.logger),
        value(BODIES, new Bodies()),
        value(REBUILD, parts.rebuild),
        { provide: APP_FILTER, useClass: ErrorFilter },
      ],
    };
  }
}

import { type ArgumentsHost, Catch, Controller, type ExceptionFilter, UseFilters } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import type { ApplyOutcome, ProjectedBatch, Projection } from '#libs/projecting/projection.js';
import { projectionPattern } from './event-log-transport.js';

export interface ProjectorMessage {
  readonly projection: Projection;
  readonly batch: ProjectedBatch;
}

/** Nest would turn every error into a generic one; the projector loop must see `Unavailable` as it is. */
@Catch()
class PassErrors implements ExceptionFilter {
  catch(error: unknown, _host: ArgumentsHost): Observable<never> {
    return throwError(() => error);
  }
}

@Controller()
@UseFilters(new PassErrors())
export class ProjectorController {
  @MessagePattern(projectionPattern('runs'))
  runs(@Payload() message: ProjectorMessage): Promise<ApplyOutcome> {
    return message.projection.apply(message.batch);
  }

  @MessagePattern(projectionPattern('points'))
  points(@Payload() message: ProjectorMessage): Promise<ApplyOutcome> {
    return message.projection.apply(message.batch);
  }
}

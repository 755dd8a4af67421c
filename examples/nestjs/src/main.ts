import 'reflect-metadata';
import { once } from 'node:events';
import { Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Candidate, type Reign } from 'incumbent';
import { OnDefeated, OnElected } from './decorators.js';
import { IncumbentModule } from './incumbent.module.js';

@Injectable()
class Newsletter {
  constructor(@Inject(Candidate) private readonly candidate: Candidate) {}

  @OnElected()
  async send({ term, signal }: Reign): Promise<void> {
    console.log(`sending the newsletter, in term ${term}, as ${this.candidate.state}`);
    if (!signal.aborted) await once(signal, 'abort');
    console.log('put the last letter into its envelope');
  }

  @OnDefeated()
  rest(leaderId?: string): void {
    console.log(`leads no more; ${leaderId ?? 'nobody yet'} does`);
  }
}

@Module({
  imports: [
    IncumbentModule.forRoot({
      redis: process.env.REDIS_URL ?? 'redis://localhost:6379',
      kind: 'newsletter',
    }),
  ],
  providers: [Newsletter],
})
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule);
// On SIGTERM the candidate stops before anything else is taken down.
app.enableShutdownHooks();
console.log('the application is up');

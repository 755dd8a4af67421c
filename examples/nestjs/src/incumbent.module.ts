import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  Logger,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, MetadataScanner } from '@nestjs/core';
import { Candidate, type Options } from 'incumbent';
import { OnDefeated, OnElected } from './decorators.js';

/** One candidate for the application, to be injected as `Candidate`. */
@Module({})
export class IncumbentModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('Incumbent');

  static forRoot(options: Options): DynamicModule {
    return {
      module: IncumbentModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [{ provide: Candidate, useFactory: () => new Candidate(options) }],
      exports: [Candidate],
    };
  }

  constructor(
    @Inject(Candidate) private readonly candidate: Candidate,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(MetadataScanner) private readonly scanner: MetadataScanner,
  ) {}

  /** Every provider stands by now. */
  onApplicationBootstrap(): void {
    this.candidate.on('error', ({ code, message }) => this.#logger.warn(`${code} ${message}`));
    for (const [decorator, method] of this.#decoratedMethods()) {
      if (decorator === OnElected) void this.#runWhileLeading(method);
      else this.candidate.on('defeated', (leaderId) => void this.#guard(() => method(leaderId)));
    }
    // Not awaited: the application shall come up without Redis, too.
    void this.#guard(() => this.candidate.start());
  }

  /** Before connections are closed: what a method still writes needs them. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.candidate.stop();
  }

  /** A method that fails has given up the leadership; it is run again when this instance is elected again. */
  async #runWhileLeading(method: (...args: unknown[]) => unknown): Promise<void> {
    for (;;) await this.#guard(() => this.candidate.lead(method).done);
  }

  /** A failing method shall not end the application. */
  async #guard(run: () => unknown): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#logger.error(error);
    }
  }

  *#decoratedMethods() {
    const wrappers = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    for (const wrapper of wrappers) {
      const { instance } = wrapper;
      if (!instance || !wrapper.isDependencyTreeStatic()) continue;
      for (const name of this.scanner.getAllMethodNames(Object.getPrototypeOf(instance))) {
        for (const decorator of [OnElected, OnDefeated]) {
          if (this.discovery.getMetadataByDecorator(decorator, wrapper, name) === undefined)
            continue;
          yield [decorator, (...args: unknown[]) => instance[name](...args)] as const;
        }
      }
    }
  }
}

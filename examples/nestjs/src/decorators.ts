import { DiscoveryService } from '@nestjs/core';

/**
 * Runs a method of a provider or controller while this instance leads, with `{ term, signal,
 * checkpoint }`. The leadership is handed over only when it has settled.
 */
export const OnElected = DiscoveryService.createDecorator<void>();

/** Calls a method when this instance leads no more, with the id of the next leader if it is known. */
export const OnDefeated = DiscoveryService.createDecorator<void>();

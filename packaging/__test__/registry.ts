import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Packed } from '../pack.ts';

/** A registry of npm packages with those that were packed, and no others. */
export class Registry {
  readonly #server: Server;
  readonly #packages: Packed[];

  static async of(packages: Packed[]): Promise<Registry> {
    const registry = new Registry(packages);
    registry.#server.listen(0, '127.0.0.1');
    await once(registry.#server, 'listening');
    return registry;
  }

  private constructor(packages: Packed[]) {
    this.#packages = packages;
    this.#server = createServer((request, response) => {
      const [name, file] = decodeURIComponent(request.url!.slice(1)).split('/-/');
      const found = this.#packages.find((one) => one.name === name);
      if (!found) response.writeHead(404).end('{}');
      else if (file) response.end(readFileSync(found.tarball));
      else response.end(JSON.stringify(this.#document(found)));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #document({ name, tarball, manifest }: Packed) {
    const integrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
    const dist = { tarball: `${this.url}${name}/-/${path.basename(tarball)}`, integrity };
    const { version } = manifest;
    return {
      name,
      'dist-tags': { latest: version },
      versions: { [version!]: { ...manifest, dist } },
    };
  }
}

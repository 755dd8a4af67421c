import { Crowd, type CrowdSettings } from '../__test__/fixtures/crowd.ts';
import type { TcpProxy } from '../__test__/fixtures/tcp-proxy.ts';

/** One process of the soak, behind a proxy of its own. */
export class Member extends Crowd {
  readonly proxy: TcpProxy;

  constructor(proxy: TcpProxy, settings: Omit<CrowdSettings, 'url' | 'traffic'>) {
    super({ ...settings, url: proxy.url, traffic: true });
    this.proxy = proxy;
  }
}

/** Where a gateway is, read from a target: `host:port`, a `dns:` name or a `unix:` path, as in gRPC. */
export type Target = NetworkTarget | { readonly path: string };

/** A host and a port. The host is a name or an IP address, without brackets. */
export interface NetworkTarget {
  readonly host: string;
  readonly port: number;
}

// gRPC's own for a name without a port.
const DEFAULT_PORT = 443;
const MAX_PORT = 65_535;

/** Returns where a target points; throws a `TypeError` for one that is none, or of a kind that is not served. */
export function parseTarget(target: string): Target {
  const [, scheme, rest] = /^(dns|unix):(.+)$/.exec(target) ?? ["", "", target];
  if (scheme === "unix") {
    return { path: rest.replace(/^\/\/(?=\/)/, "") };
  }
  // dns:host:port, dns:///host:port, or dns://resolver/host:port, whose resolver is left to the system.
  const name = scheme === "dns" ? rest.replace(/^\/\/[^/]*\//, "") : rest;
  const [, literal, host = literal, port = String(DEFAULT_PORT)] =
    /^(?:\[([\da-f:.]+)\]|([^\s:/[\]]+))(?::(\d+))?$/i.exec(name) ?? [];
  if (host === undefined || Number(port) > MAX_PORT) {
    throw new TypeError(
      `"${target}" is no target: give host:port, dns:///host:port or unix:/path.`,
    );
  }
  return { host, port: Number(port) };
}

/** Writes a host and a port as people do. */
export function showTarget({ host, port }: NetworkTarget): string {
  return `${host.includes(":") ? `[${host}]` : host}:${String(port)}`;
}

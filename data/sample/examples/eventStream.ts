/**
 * Follows the event stream of a Beacon gateway and keeps a table of the newest values.
 * Runs in browsers (the origin must be listed in `api.cors_origins`) and in server runtimes with `fetch`.
 */

export type StationState = "ok" | "silent" | "weak" | "pairing";

export interface Observation {
  station: string;
  time: string;
  values: Partial<Record<"temp_c" | "humidity_pct" | "wind_ms" | "gust_ms" | "rain_mm" | "pressure_hpa", number>>;
}

interface StreamEvent {
  id: string;
  name: string;
  data: string;
}

/** Longest silence before the connection counts as dead: three comment lines of the gateway. */
const SILENCE_LIMIT_MS = 95_000;

/** Pauses between attempts, in milliseconds; the last one repeats. */
const RECONNECT_PAUSES = [500, 2_000, 8_000, 30_000];

export class GatewayFeed {
  private readonly latest = new Map<string, Observation>();
  private readonly states = new Map<string, StationState>();
  private lastEventId = "";
  private attempt = 0;

  constructor(
    private readonly baseUrl: string,
    private readonly token: string,
    private readonly onChange: (station: string) => void,
  ) {}

  /** The newest observation of a station, if there was one since the start. */
  latestOf(station: string): Observation | undefined {
    return this.latest.get(station);
  }

  /** Wind chill in degrees Celsius; undefined above 10 °C or below 1.3 m/s, where the formula does not hold. */
  windChill(station: string): number | undefined {
    const { temp_c: temp, wind_ms: wind } = this.latest.get(station)?.values ?? {};
    if (temp === undefined || wind === undefined || temp > 10 || wind < 1.3) return undefined;
    const v = Math.pow(wind * 3.6, 0.16);
    return 13.12 + 0.6215 * temp - 11.37 * v + 0.3965 * temp * v;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.connectOnce(signal);
        this.attempt = 0;
      } catch (error) {
        if (signal.aborted) return;
        const pause = RECONNECT_PAUSES[Math.min(this.attempt++, RECONNECT_PAUSES.length - 1)];
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  private async connectOnce(signal: AbortSignal): Promise<void> {
    const silence = new AbortController();
    const response = await fetch(`${this.baseUrl}/api/v2/events`, {
      headers: { Authorization: `Bearer ${this.token}`, "Last-Event-ID": this.lastEventId },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
    let timer = setTimeout(() => silence.abort(), SILENCE_LIMIT_MS);
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_LIMIT_MS);
    };
    try {
      for await (const event of readEvents(response.body, heard)) this.apply(event);
    } finally {
      clearTimeout(timer);
    }
  }

  private apply(event: StreamEvent): void {
    this.lastEventId = event.id;
    const payload = JSON.parse(event.data);
    if (event.name === "observation") {
      this.latest.set(payload.station, payload);
      this.onChange(payload.station);
    } else if (event.name === "station_state") {
      this.states.set(payload.station, payload.state);
      this.onChange(payload.station);
    } else if (event.name === "reset") {
      this.latest.clear();
      this.states.clear();
    }
  }
}

/** Splits a byte stream into server-sent events; comment lines begin with a colon and are skipped. */
async function* readEvents(
  body: ReadableStream<Uint8Array>,
  heard: () => void,
): AsyncGenerator<StreamEvent> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heard();
    pending += value;
    const blocks = pending.split("\n\n");
    pending = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(block.split("\n").filter((l) => !l.startsWith(":")).map((l) => splitField(l)));
      const data = fields.get("data");
      if (data !== undefined) yield { id: fields.get("id") ?? "", name: fields.get("event") ?? "message", data };
    }
  }
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}

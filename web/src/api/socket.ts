/** The websocket: reconnects by itself, waiting longer after each failure. */
import { decodeBinary, decodeText } from './decode';
import type { ServerEvent } from './wire';

export type Connection = 'connecting' | 'connected' | 'reconnecting';

/** Previews are to say whose picture they are. */
const FEATURES = JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } });
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

export interface SocketHandlers {
  onEvent: (event: ServerEvent) => void;
  onConnection: (state: Connection) => void;
}

function address(clientId: string, after: number): string {
  const url = new URL('/ws', window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('clientId', clientId);
  // What happens to the jobs of other windows is told too, in short.
  url.searchParams.set('watch', '1');
  // After a break the server first tells what was missed, by the number of the last message that came.
  if (after > 0) url.searchParams.set('after', String(after));
  return url.href;
}

/** Open the socket and keep it open; the returned function closes it for good. */
export function openSocket(clientId: string, { onEvent, onConnection }: SocketHandlers): () => void {
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let closed = false;
  let seen = 0;

  const receive = (message: MessageEvent<string | ArrayBuffer>): void => {
    const { event, seq } = typeof message.data === 'string' ? decodeText(message.data) : { event: decodeBinary(message.data), seq: 0 };
    if (event) onEvent(event);
    seen = Math.max(seen, seq);
  };
  const retry = (): void => {
    if (closed) return;
    onConnection('reconnecting');
    const wait = Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS);
    failures += 1;
    timer = setTimeout(connect, wait);
  };
  const connect = (): void => {
    socket = new WebSocket(address(clientId, seen));
    socket.binaryType = 'arraybuffer';
    const opened = socket;
    socket.onopen = () => {
      failures = 0;
      opened.send(FEATURES);
      onConnection('connected');
    };
    socket.onmessage = receive;
    socket.onclose = retry;
  };
  connect();
  return () => {
    closed = true;
    clearTimeout(timer);
    socket?.close();
  };
}

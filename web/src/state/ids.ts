/** Names that are given once. */
export { randomUuid } from '../graph/ids';

export { documentDpop } from './document-dpop.js';

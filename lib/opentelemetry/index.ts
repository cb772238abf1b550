export { DpopTelemetry, type DpopTelemetryOptions } from './dpop-telemetry.js';

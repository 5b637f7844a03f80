import { describeMetricStore } from './metric-store.contract.js';
import { openMetricsRig } from './test/metrics-rig.js';

describeMetricStore('ClickHouseMetricStore', openMetricsRig);

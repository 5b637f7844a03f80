import { describe, expect, it } from 'vitest';
import { formatterOf } from './units.js';

describe('formatterOf', () => {
  it('writes metrics of the machine with the unit that their name says', () => {
    const written = Object.entries({
      'system/memory_used_bytes': 1_500_000_000,
      'system/network_sent_bytes_per_s': 2_500,
      'system/cpu_percent': 12.3456,
      'system/gpu/0/power_watts': 612.34,
      'system/gpu/0/temperature_celsius': 58,
      'system/gpu/0/sm_clock_mhz': 1_980,
      'system/energy_kwh': 0.12345,
      'system/load_1m': 3.5,
    }).map(([key, value]) => formatterOf(key)(value));
    expect(written).toEqual(['1.50 GB', '2.50 KB/s', '12.35 %', '612.3 W', '58 °C', '1,980 MHz', '0.1235 kWh', '3.5']);
  });
  it('writes what a training logs, and what is no number, as it is', () => {
    expect(formatterOf('cache_bytes')(1_500_000)).toBe('1,500,000');
    expect(formatterOf('system/cpu_percent')(null)).toBe('–');
    expect(formatterOf('system/cpu_percent')(Number.NaN)).toBe('NaN');
  });
});

// The stream's 52 ARKit weights on the expressions a VRM has: its own of those names, or the presets every VRM has.

const clamp01 = (value) => Math.min(1, Math.max(0, value));
const OPEN = 1.3; // a jaw this far from open is an open mouth
const LOOK_DEGREES = { across: 25, up: 18 };
/** A smile of the mouth alone: `happy` of many figures shuts the eyes. */
const SMILE = { relaxed: 0.7, happy: 0.3 };

/** What presets show of ARKit weights, `w(name)`; both sides where a name has none. */
function presets(w, has) {
  const both = (name) => (w(`${name}Left`) + w(`${name}Right`)) / 2;
  const open = clamp01(OPEN * w('jawOpen') - w('mouthClose'));
  const round = clamp01(Math.max(w('mouthPucker'), w('mouthFunnel')));
  const wide = clamp01(both('mouthStretch') + 0.5 * both('mouthSmile')) * (1 - round);
  const smile = both('mouthSmile');
  const values = {
    aa: open * (1 - round) * (1 - 0.5 * wide),
    oh: open * round,
    ou: round * (1 - open),
    ee: 0.5 * open * wide,
    ih: 0.6 * clamp01(both('mouthLowerDown') + both('mouthUpperUp')) * (1 - open) * (1 - round),
    angry: 0.6 * both('browDown'),
    sad: 0.6 * both('mouthFrown'),
    surprised: 0.6 * Math.min(both('eyeWide'), w('browInnerUp')),
    lookUp: both('eyeLookUp'),
    lookDown: both('eyeLookDown'),
    lookLeft: (w('eyeLookOutLeft') + w('eyeLookInRight')) / 2,
    lookRight: (w('eyeLookInLeft') + w('eyeLookOutRight')) / 2,
  };
  const smiling = has('relaxed') ? 'relaxed' : 'happy';
  values[smiling] = SMILE[smiling] * smile * (1 - open);
  if (has('blinkLeft') && has('blinkRight')) Object.assign(values, { blinkLeft: w('eyeBlinkLeft'), blinkRight: w('eyeBlinkRight') });
  else values.blink = both('eyeBlink');
  return values;
}

/**
 * How to show a face on a figure that has the expressions `names`: `(weights, channels) => {values, look}`, with `values`
 * by expression and `look` {yaw, pitch} in degrees to her left and down, or null where expressions look around.
 */
export function faceOf(names) {
  const own = new Map(names.map((name) => [name.toLowerCase(), name]));
  const has = (name) => own.has(name.toLowerCase());
  if (has('jawOpen')) {
    return (weights, channels) => {
      const values = {};
      for (let k = 0; k < weights.length; k++) {
        const name = own.get(channels[k].toLowerCase());
        if (name) values[name] = weights[k];
      }
      return { values, look: has('eyeLookUpLeft') ? null : lookOf((name) => weights[channels.indexOf(name)] ?? 0) };
    };
  }
  return (weights, channels) => {
    const w = (name) => weights[channels.indexOf(name)] ?? 0;
    const values = Object.fromEntries(Object.entries(presets(w, has)).filter(([name]) => has(name)).map(([name, value]) => [own.get(name.toLowerCase()), value]));
    return { values, look: has('lookUp') && has('lookLeft') ? null : lookOf(w) };
  };
}

function lookOf(w) {
  const left = (w('eyeLookOutLeft') + w('eyeLookInRight')) / 2 - (w('eyeLookInLeft') + w('eyeLookOutRight')) / 2;
  const down = (w('eyeLookDownLeft') + w('eyeLookDownRight') - w('eyeLookUpLeft') - w('eyeLookUpRight')) / 2;
  return { yaw: LOOK_DEGREES.across * left, pitch: LOOK_DEGREES.up * down };
}

// The alarm: two tones that no telephone has, repeated until somebody signs. Made here, so that
// nothing is loaded when it is needed.

/** An alert that nobody signs sounds again so often. */
export const AGAIN_MS = 15_000;

let context: AudioContext | null = null;

/** Whether the browser lets us be heard: not before somebody has touched the page. */
export function isHeard(): boolean {
  return context?.state === "running";
}

/** To be called where somebody has just clicked or pressed a key. */
export async function unlock(): Promise<boolean> {
  try {
    context ??= new AudioContext();
    await context.resume();
  } catch {
    return false;
  }
  return isHeard();
}

/** Plays the alarm once: longer and higher where it is urgent. */
export function play(urgent: boolean): void {
  if (!context || context.state !== "running") return;
  const tones = urgent ? [988, 740, 988, 740, 988, 740] : [740, 988];
  const length_s = urgent ? 0.16 : 0.22;
  tones.forEach((frequency, number) => {
    if (!context) return;
    const begin = context.currentTime + 0.02 + number * length_s;
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    tone.type = "square";
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(0.22, begin + 0.015);
    volume.gain.setValueAtTime(0.22, begin + length_s - 0.04);
    volume.gain.linearRampToValueAtTime(0, begin + length_s - 0.01);
    tone.connect(volume).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + length_s);
  });
}

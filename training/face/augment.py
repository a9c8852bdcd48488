"""Other microphones, rooms, lines and throats for the same words.

What changes sound but not lips, so that the generator listens to what moves them. Waveforms are
float, [n] at 24 kHz in [-1, 1]; features are log-mel, [B, T, 160] (4 hops of 40 bands a frame).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from idol_protocol.audio import LOG_MEL
from idol_protocol.frames import AUDIO_RATE_HZ

Wave = NDArray[np.float32]
Features = NDArray[np.float32]


def augment(samples: Wave, rng: np.random.Generator) -> Wave:
    """Level, equaliser, room, line and noise, each at random; timing stays to the sample."""
    shaped = equalise(samples, rng)
    if rng.random() < 0.35:
        shaped = reverberate(shaped, rng)
    shaped = shaped * (10 ** (rng.uniform(-9, 5) / 20))
    if rng.random() < 0.25:
        shaped = through_a_line(shaped, rng)
    noise = rng.standard_normal(len(shaped)) * 10 ** (rng.uniform(-100, -52) / 20)
    if rng.random() < 0.5:
        noise = lfilter([1], [1, -0.9], noise) * 0.4  # rooms hum more than they hiss
    return np.clip(shaped + noise, -1, 1).astype(np.float32)


def equalise(samples: Wave, rng: np.random.Generator) -> Wave:
    """A spectral tilt and one broad peak or dip of up to 9 dB, as microphones have."""
    shaped = lfilter([1, rng.uniform(-0.35, 0.35)], [1], samples)
    centre = np.exp(rng.uniform(np.log(200), np.log(5000))) * 2 * np.pi / AUDIO_RATE_HZ
    gain, width = 10 ** (rng.uniform(-9, 9) / 40), np.sin(centre) / (2 * rng.uniform(0.5, 1.5))
    # Peaking biquad of the Audio EQ Cookbook (R. Bristow-Johnson).
    over = [1 + width * gain, -2 * np.cos(centre), 1 - width * gain]
    under = [1 + width / gain, -2 * np.cos(centre), 1 - width / gain]
    return lfilter(over, under, shaped).astype(np.float32)


def reverberate(samples: Wave, rng: np.random.Generator) -> Wave:
    """A room: direct sound, then noise that decays by 60 dB in 0.15 to 0.6 s."""
    decay_s = rng.uniform(0.15, 0.6)
    time_s = np.arange(round(decay_s * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ
    tail = rng.standard_normal(len(time_s)) * 10 ** (-3 * time_s / decay_s)
    tail *= rng.uniform(0.1, 0.5) / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    return fftconvolve(samples, tail)[: len(samples)].astype(np.float32)


def through_a_line(samples: Wave, rng: np.random.Generator) -> Wave:
    """A telephone or a cheap codec: a narrow band and 8-bit mu-law steps (ITU-T G.711)."""
    low_hz, high_hz = rng.uniform(60, 300), rng.uniform(3200, 7000)
    band = butter(3, (low_hz, high_hz), "bandpass", fs=AUDIO_RATE_HZ, output="sos")
    heard = np.clip(sosfilt(band, samples), -1, 1)
    packed = np.sign(heard) * np.log1p(255 * np.abs(heard)) / np.log(256)
    stepped = np.round(packed * 127) / 127
    return (np.sign(stepped) * np.expm1(np.abs(stepped) * np.log(256)) / 255).astype(np.float32)


def vary_voice(features: Features, rng: np.random.Generator) -> Features:
    """Another throat for every row: bands warped by up to 10 % (vocal tract length perturbation,
    Jaitly & Hinton 2013), level and tilt moved a little, up to six bands hidden (SpecAugment,
    Park et al. 2019) and a little noise.
    """
    rows, frames, size = features.shape
    hops = features.reshape(rows, -1, LOG_MEL.bands).copy()
    tilt = np.linspace(-1, 1, LOG_MEL.bands)
    for row in hops:
        place = np.clip(
            np.arange(LOG_MEL.bands) * rng.uniform(0.9, 1.1) + rng.uniform(-0.5, 0.5), 0, 39
        )
        low = np.floor(place).astype(int)
        part = (place - low).astype(np.float32)
        row[:] = row[:, low] * (1 - part) + row[:, np.minimum(low + 1, LOG_MEL.bands - 1)] * part
        row += (rng.normal(0, 0.12) + rng.normal(0, 0.12) * tilt).astype(np.float32)
        if width := int(rng.integers(0, 7)):
            start = int(rng.integers(0, LOG_MEL.bands - width))
            row[:, start : start + width] = row[:, start : start + width].mean()
    hops += 0.08 * rng.standard_normal(hops.shape, dtype=np.float32)
    return hops.reshape(rows, frames, size)

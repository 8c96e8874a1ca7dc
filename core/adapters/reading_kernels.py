"""Compiled loops over columns of readings: digests, first sight of a key, runs of sequence numbers, youngest values."""

import numpy as np
from numba import njit

# BLAKE2b (RFC 7693): initial values, and which word of the message goes where in each of its 12 rounds.
_IV = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
_SIGMA = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.int64,
)
_PARAMETERS = 0x01010008  # no key, a digest of 8 bytes, one block tree
_BLOCK = 128
_U32, _U24, _U16, _U63, _U40, _U48, _U1 = (np.uint64(n) for n in (32, 24, 16, 63, 40, 48, 1))


@njit(cache=True, nogil=True, inline="always")
def _mix(a, b, c, d, x, y):
    a = a + b + x
    d = d ^ a
    d = (d >> _U32) | (d << _U32)
    c = c + d
    b = b ^ c
    b = (b >> _U24) | (b << _U40)
    a = a + b + y
    d = d ^ a
    d = (d >> _U16) | (d << _U48)
    c = c + d
    b = b ^ c
    b = (b >> _U63) | (b << _U1)
    return a, b, c, d


@njit(cache=True, nogil=True)
def _compress(h, m, length, is_last):
    """One block of BLAKE2b into h; `length` counts the bytes up to and with this block."""
    v0, v1, v2, v3, v4, v5, v6, v7 = h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
    v8, v9, v10, v11, v13, v15 = _IV[0], _IV[1], _IV[2], _IV[3], _IV[5], _IV[7]
    v12 = _IV[4] ^ np.uint64(length)
    v14 = ~_IV[6] if is_last else _IV[6]
    for r in range(12):
        s = _SIGMA[r]
        v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m[s[0]], m[s[1]])
        v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m[s[2]], m[s[3]])
        v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m[s[4]], m[s[5]])
        v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m[s[6]], m[s[7]])
        v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m[s[8]], m[s[9]])
        v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m[s[10]], m[s[11]])
        v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m[s[12]], m[s[13]])
        v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m[s[14]], m[s[15]])
    h[0] ^= v0 ^ v8
    h[1] ^= v1 ^ v9
    h[2] ^= v2 ^ v10
    h[3] ^= v3 ^ v11
    h[4] ^= v4 ^ v12
    h[5] ^= v5 ^ v13
    h[6] ^= v6 ^ v14
    h[7] ^= v7 ^ v15


@njit(cache=True, nogil=True, inline="always")
def _put(text, at, value):
    """Eight bytes, the most significant first."""
    for n in range(8):
        text[at + 7 - n] = np.uint8(value & np.uint64(255))
        value = value >> np.uint64(8)


@njit(cache=True, nogil=True)
def digests(series, seq, ts, first, bits, forms, form_at, seq_at, slots, slot_at):
    """Return `core.model.readings.digest` of each reading, as uint64[n].

    series        int32[n]   which series each reading is of
    seq, ts       int64[n]
    first         int64[n]   where its values begin in bits
    bits          uint64[m]  the values' IEEE 754 bits, -0.0 made 0.0
    forms         uint8[f]   for each series the text that is digested, zeros where seq, ts and values go
    form_at       int64[c+1] where each form begins
    seq_at        int64[c]   where in its form seq goes; ts follows
    slots         int64[s]   where in its form each value goes, in the order of the series' kinds
    slot_at       int64[c+1] where the slots of each series begin
    O(n). Raises nothing; indices are the caller's to check.
    """
    n = len(series)
    out = np.empty(n, np.uint64)
    longest = 0
    for c in range(len(seq_at)):
        longest = max(longest, form_at[c + 1] - form_at[c])
    text = np.zeros((longest + _BLOCK - 1) // _BLOCK * _BLOCK, np.uint8)
    words = text.view(np.uint64)
    h = np.empty(8, np.uint64)
    for i in range(n):
        c = series[i]
        size = form_at[c + 1] - form_at[c]
        blocks = (size + _BLOCK - 1) // _BLOCK
        text[:size] = forms[form_at[c] : form_at[c + 1]]
        text[size : blocks * _BLOCK] = 0
        _put(text, seq_at[c], np.uint64(seq[i]))
        _put(text, seq_at[c] + 8, np.uint64(ts[i]))
        for k in range(slot_at[c + 1] - slot_at[c]):
            _put(text, slots[slot_at[c] + k], bits[first[i] + k])
        h[:] = _IV
        h[0] ^= np.uint64(_PARAMETERS)
        for b in range(blocks):
            is_last = b == blocks - 1
            _compress(h, words[16 * b : 16 * b + 16], size if is_last else _BLOCK * (b + 1), is_last)
        word, turned = h[0], np.uint64(0)  # the digest's first byte is the word's lowest, and counts as the highest
        for _ in range(8):
            turned = (turned << np.uint64(8)) | (word & np.uint64(255))
            word = word >> np.uint64(8)
        out[i] = turned
    return out


@njit(cache=True, nogil=True)
def not_ascending(streams, seq, tops):
    """Return bool[l]: the streams that have a reading which is not above all before it and above what is stored.

    streams  int32[n]  stream of each reading
    seq      int64[n]
    tops     int64[l]  highest number stored of each stream, -1 for none; is written over
    """
    found = np.zeros(len(tops), np.bool_)
    for i in range(len(streams)):
        s = streams[i]
        if seq[i] > tops[s]:
            tops[s] = seq[i]
        else:
            found[s] = True
    return found


@njit(cache=True, nogil=True)
def runs(voices, seq, count):
    """Return (voice, first, last) of what follows on each other, as three int64 arrays, in the order in which the runs begin.

    voices  int32[n]  who speaks, below count
    seq     int64[n]
    """
    n = len(voices)
    voice, first, last = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    now = np.full(count, -1, np.int64)
    found = 0
    for i in range(n):
        at = now[voices[i]]
        if at >= 0 and last[at] == seq[i] - 1:
            last[at] = seq[i]
        else:
            voice[found], first[found], last[found] = voices[i], seq[i], seq[i]
            now[voices[i]] = found
            found += 1
    return voice[:found].copy(), first[:found].copy(), last[:found].copy()


@njit(cache=True, nogil=True)
def youngest(lines, ts, count):
    """Return int64[count]: for each line (device and kind) the row with the greatest ts, the later one of equals, -1 for none.

    lines  int32[m]  line of each row, below count
    ts     int64[m]
    """
    at = np.full(count, -1, np.int64)
    for i in range(len(lines)):
        line = lines[i]
        if at[line] < 0 or ts[at[line]] <= ts[i]:
            at[line] = i
    return at


def warm_up() -> None:
    """Compile all of them, or load them from where they were compiled before."""
    none, nobody, off = np.empty(0, np.int64), np.empty(0, np.int32), np.zeros(1, np.int64)
    digests(nobody, none, none, none, np.empty(0, np.uint64), np.empty(0, np.uint8), off, none, none, off)
    not_ascending(nobody, none, none.copy())
    runs(nobody, none, 0)
    youngest(nobody, none, 0)

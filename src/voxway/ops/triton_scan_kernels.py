"""The kernels of `voxway.ops.triton_scan`, which says how they work together.

A program has a tile of (state, channel) and walks along the positions of one chunk. Positions behind the end read as
steps of zero, which leave states as they are. They are Triton's language, not Python's, hence no types are checked.
"""

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def _place(first, chunks, channels, STATES: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr):
    """Of a program: sample, chunk, group, channels within the group, the tile's offsets in (group, state, channel)
    and which of its numbers there are."""
    at = tl.program_id(0).to(tl.int64) + first
    blocks = tl.cdiv(channels, BLOCK)
    group = tl.program_id(1) // blocks
    channel = tl.program_id(1) % blocks * BLOCK + tl.arange(0, BLOCK)
    state = tl.arange(0, WIDE)
    live = (state < STATES)[:, None] & (channel < channels)[None]
    tile = (group * STATES + state)[:, None] * channels + channel[None]
    return at // chunks, at % chunks, group, channel, tile, live


@triton.jit
@no_type_check
def _row(base, rows, width, within, filled, present, DIGITS: tl.constexpr):
    """Numbers of one position, zero where there are none."""
    return tl.load(base + rows * width + within, mask=filled & present, other=0).to(DIGITS)


@triton.jit
@no_type_check
def ends_kernel(
    u, delta, A, B, ends, sums,
    length, chunk, chunks, groups, channels,
    STATES: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, DIGITS: tl.constexpr,
):  # fmt: skip
    """States behind every chunk if there were none before it, and the sum of its steps."""
    sample, part, group, channel, tile, live = _place(0, chunks, channels, STATES, WIDE, BLOCK)
    filled, state = channel < channels, tl.arange(0, WIDE)
    decay = tl.load(A + tile, mask=live, other=0)
    reached, total = tl.zeros([WIDE, BLOCK], DIGITS), tl.zeros([BLOCK], DIGITS)
    for t in range(chunk):
        position = part * chunk + t
        row = (sample * length + position) * groups + group
        step = _row(delta, row, channels, channel, filled, position < length, DIGITS)
        enters = _row(B, row, STATES, state, state < STATES, position < length, DIGITS)
        x = step * _row(u, row, channels, channel, filled, position < length, DIGITS)
        reached = tl.exp(step[None] * decay) * reached + enters[:, None] * x[None]
        total += step
    size = groups * STATES * channels
    tl.store(ends + (sample * chunks + part) * size + tile, reached, mask=live)
    tl.store(sums + ((sample * chunks + part) * groups + group) * channels + channel, total, mask=filled)


@triton.jit
@no_type_check
def reverse_ends_kernel(
    grad_y, delta, A, C, ends,
    length, chunk, chunks, groups, channels,
    STATES: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, DIGITS: tl.constexpr,
):  # fmt: skip
    """Gradients of the states before every chunk if none came from behind it."""
    sample, part, group, channel, tile, live = _place(0, chunks, channels, STATES, WIDE, BLOCK)
    filled, state = channel < channels, tl.arange(0, WIDE)
    decay = tl.load(A + tile, mask=live, other=0)
    reached = tl.zeros([WIDE, BLOCK], DIGITS)
    for back in range(chunk):
        position = part * chunk + chunk - 1 - back
        row = (sample * length + position) * groups + group
        step = _row(delta, row, channels, channel, filled, position < length, DIGITS)
        reads = _row(C, row, STATES, state, state < STATES, position < length, DIGITS)
        given = _row(grad_y, row, channels, channel, filled, position < length, DIGITS)
        reached = tl.exp(step[None] * decay) * (reached + reads[:, None] * given[None])
    size = groups * STATES * channels
    tl.store(ends + (sample * chunks + part) * size + tile, reached, mask=live)


@triton.jit
@no_type_check
def carry_kernel(
    ends, sums, A, start, last, chunks, size, states, channels, REVERSE: tl.constexpr, BLOCK: tl.constexpr
):
    """From `start` to `last`, behind all chunks: put what reaches each chunk in the place of its end."""
    sample = tl.program_id(0).to(tl.int64)
    number = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    live = number < size
    channel = number // (states * channels) * channels + number % channels
    decay = tl.load(A + number, mask=live, other=0)
    reached = tl.load(start + sample * size + number, mask=live, other=0)
    for i in range(chunks):
        part = sample * chunks + (chunks - 1 - i if REVERSE else i)
        end = tl.load(ends + part * size + number, mask=live, other=0)
        total = tl.load(sums + part * (size // states) + channel, mask=live, other=0)
        tl.store(ends + part * size + number, reached, mask=live)
        reached = tl.exp(total * decay) * reached + end
    tl.store(last + sample * size + number, reached, mask=live)


@triton.jit
@no_type_check
def outputs_kernel(
    u, delta, A, B, C, starts, y,
    length, chunk, chunks, groups, channels,
    STATES: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, DIGITS: tl.constexpr,
):  # fmt: skip
    """Outputs of every chunk, from the states before it."""
    sample, part, group, channel, tile, live = _place(0, chunks, channels, STATES, WIDE, BLOCK)
    filled, state = channel < channels, tl.arange(0, WIDE)
    decay = tl.load(A + tile, mask=live, other=0)
    reached = tl.load(starts + (sample * chunks + part) * (groups * STATES * channels) + tile, mask=live, other=0)
    for t in range(chunk):
        position = part * chunk + t
        row = (sample * length + position) * groups + group
        step = _row(delta, row, channels, channel, filled, position < length, DIGITS)
        enters = _row(B, row, STATES, state, state < STATES, position < length, DIGITS)
        reads = _row(C, row, STATES, state, state < STATES, position < length, DIGITS)
        x = step * _row(u, row, channels, channel, filled, position < length, DIGITS)
        reached = tl.exp(step[None] * decay) * reached + enters[:, None] * x[None]
        out = tl.sum(reads[:, None] * reached, 0)
        tl.store(y + row * channels + channel, out, mask=filled & (position < length))


@triton.jit
@no_type_check
def gradient_kernel(
    u, delta, A, B, C, starts, grad_y, passed, before, grad_u, grad_delta, grad_A, grad_B, grad_C,
    first, length, chunk, chunks, groups, channels, rows,
    STATES: tl.constexpr, WIDE: tl.constexpr, BLOCK: tl.constexpr, DIGITS: tl.constexpr,
):  # fmt: skip
    """Gradients of every chunk, from the states before it and what is passed from behind it.

    Those of A are for each chunk, those of B and C for each block of channels. `before` has room for the states before
    each position of all programs.
    """
    sample, part, group, channel, tile, live = _place(first, chunks, channels, STATES, WIDE, BLOCK)
    filled, state = channel < channels, tl.arange(0, WIDE)
    block = (tl.program_id(1) % tl.cdiv(channels, BLOCK)).to(tl.int64)
    decay = tl.load(A + tile, mask=live, other=0)
    whole = (sample * chunks + part) * (groups * STATES * channels) + tile
    program = tl.program_id(0).to(tl.int64) * tl.num_programs(1) + tl.program_id(1)
    own = before + program * chunk * WIDE * BLOCK + state[:, None] * BLOCK + tl.arange(0, BLOCK)[None]
    reached = tl.load(starts + whole, mask=live, other=0)
    for t in range(chunk):
        position = part * chunk + t
        row = (sample * length + position) * groups + group
        step = _row(delta, row, channels, channel, filled, position < length, DIGITS)
        enters = _row(B, row, STATES, state, state < STATES, position < length, DIGITS)
        x = step * _row(u, row, channels, channel, filled, position < length, DIGITS)
        tl.store(own + t * WIDE * BLOCK, reached)
        reached = tl.exp(step[None] * decay) * reached + enters[:, None] * x[None]
    tl.debug_barrier()
    grad = tl.load(passed + whole, mask=live, other=0)
    to_A = tl.zeros([WIDE, BLOCK], DIGITS)
    for back in range(chunk):
        t = chunk - 1 - back
        position = part * chunk + t
        row = (sample * length + position) * groups + group
        value = _row(u, row, channels, channel, filled, position < length, DIGITS)
        step = _row(delta, row, channels, channel, filled, position < length, DIGITS)
        enters = _row(B, row, STATES, state, state < STATES, position < length, DIGITS)
        reads = _row(C, row, STATES, state, state < STATES, position < length, DIGITS)
        given = _row(grad_y, row, channels, channel, filled, position < length, DIGITS)
        share = tl.exp(step[None] * decay)
        old = share * tl.load(own + t * WIDE * BLOCK)
        grad += reads[:, None] * given[None]
        to_C = tl.sum((old + enters[:, None] * (step * value)[None]) * given[None], 1)
        to_B = tl.sum(grad * (step * value)[None], 1)
        to_x = tl.sum(grad * enters[:, None], 0)
        to_power = grad * old
        to_A += to_power * step[None]
        within = filled & (position < length)
        tl.store(grad_u + row * channels + channel, to_x * step, mask=within)
        tl.store(grad_delta + row * channels + channel, tl.sum(to_power * decay, 0) + to_x * value, mask=within)
        states = (block * rows + row) * STATES + state
        tl.store(grad_B + states, to_B, mask=(state < STATES) & (position < length))
        tl.store(grad_C + states, to_C, mask=(state < STATES) & (position < length))
        grad = share * grad
    tl.store(grad_A + whole, to_A, mask=live)

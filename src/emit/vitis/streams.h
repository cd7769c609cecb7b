#pragma once

#include <vector>

/// Columns begin to end of every row of an iteration, row by row, each filled up to pitch numbers.
struct Slice {
    int begin, end, pitch;
};

/// A tensor of codes; a real value is scale * (code - zero_point).
struct Tensor {
    const char *name;
    bool is_input;
    /// Of a code.
    int bytes;
    bool is_signed;
    /// Rows of a batch, numbers of a row, rows of an iteration.
    int batch, columns, rows;
    double scale;
    long long zero_point, low, high;
};

/// A stream of programmable logic, and the data mover that feeds or drains it.
struct Stream {
    const char *name, *kernel, *unit;
    /// Bits of a beat.
    int width;
    /// Index of its tensor.
    int tensor;
    std::vector<Slice> slices;
};

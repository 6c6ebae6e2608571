#pragma once
/// \file
/// How an ONNX file is read.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "dispart/model/evaluator.hpp"
#include "dispart/model/rewrite/fold_constants.hpp"
#include "dispart/tensor/shape.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart::io {

/// Options of `read_onnx` and `load_onnx`.
struct onnx_options {
    /// Extents of symbolic dimensions by name, such as {"batch", 4}; a name that the inputs do not have is an error.
    std::map<std::string, std::int64_t, std::less<>> bind{};
    /// Extent of symbolic and nameless dimensions that are not bound.
    std::int64_t unbound = 1;
    /// Shapes of inputs by name, instead of the file's; a name that is no input is an error.
    std::map<std::string, shape, std::less<>> input_shapes{};
    /// Values of inputs by name: such an input becomes a constant. A name that is no input is an error.
    std::map<std::string, tensor, std::less<>> input_values{};
    /// Computes constants; without one, shapes that are computed (Shape, Gather, Concat, Reshape) stay unknown, which is an
    /// error, and `If` and `Loop` need initialisers to decide them. `dispart::kernels::evaluate_layer` is one.
    layer_evaluator evaluator{};
    /// Folds constants, merges BatchNormalization into convolutions and removes what is not needed (`dispart::simplify`).
    bool simplify = true;
    /// How much `simplify` may compute ahead.
    infer_options bounds = folding_bounds;
    /// Infers every shape, even where `simplify` is off. With both off the file's own shapes are believed, as in files that
    /// `write_onnx` made.
    bool infer = true;
    /// Folder of external data; `load_onnx` takes the file's own where it is empty.
    std::filesystem::path folder{};
};

}  // namespace dispart::io

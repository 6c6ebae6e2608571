#pragma once
/// \file
/// Families of operators that a machine executes in much the same way, so that one law describes their time.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dispart/model/layer.hpp"
#include "dispart/model/layer_view.hpp"

namespace dispart {

/// What kind of work a layer is, as far as its speed is concerned.
enum class op_family {
    conv_1x1,        ///< a convolution that is a matrix product
    conv_kxk,        ///< a dense convolution with a larger kernel
    conv_few,        ///< a dense convolution over fewer than 8 input channels: a net's first
    conv_depthwise,  ///< one filter per channel
    conv_grouped,    ///< several channels per group
    conv_transpose,
    gemm,    ///< a matrix product with a constant matrix
    matmul,  ///< a matrix product of two activations
    recurrent,
    pooling,         ///< over windows
    reduction,       ///< over whole axes
    elementwise,     ///< an operation or two per element
    transcendental,  ///< exp, erf, tanh, ... per element
    softmax,
    normalization,
    movement,  ///< elements change places
    view,      ///< a new shape for the same elements
    other,
};

inline constexpr std::size_t op_family_count = 18;

namespace detail {

inline constexpr std::array<std::string_view, op_family_count> family_names{
    "conv_1x1",       "conv_kxk", "conv_few",      "conv_depthwise", "conv_grouped", "conv_transpose",
    "gemm",           "matmul",   "recurrent",     "pooling",        "reduction",    "elementwise",
    "transcendental", "softmax",  "normalization", "movement",       "view",         "other"};

/// Operators whose name decides, separated by single spaces; the others are decided by their operands.
struct family_row {
    op_family family;
    std::string_view operators;
};

inline constexpr std::array family_rows{
    family_row{op_family::conv_transpose, "ConvTranspose"},
    family_row{op_family::matmul, "DFT STFT"},
    family_row{op_family::recurrent, "LSTM GRU RNN"},
    family_row{op_family::pooling, "MaxPool AveragePool LpPool MaxRoiPool RoiAlign MaxUnpool"},
    family_row{
        op_family::reduction,
        "GlobalAveragePool GlobalMaxPool GlobalLpPool ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd "
        "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare ArgMax ArgMin TopK CumSum "
        "NegativeLogLikelihoodLoss"},
    family_row{
        op_family::elementwise,
        "Add Sub Mul Div Sum Mean Max Min Mod Relu LeakyRelu PRelu Clip HardSigmoid HardSwish "
        "ThresholdedRelu "
        "Shrink Abs Neg Sqrt Reciprocal Floor Ceil Round Sign Not And Or Xor BitShift BitwiseAnd BitwiseNot "
        "BitwiseOr BitwiseXor Equal Greater GreaterOrEqual Less LessOrEqual Where Cast CastLike IsInf IsNaN "
        "BatchNormalization QuantizeLinear DequantizeLinear DynamicQuantizeLinear"},
    family_row{op_family::transcendental, "Sigmoid Tanh Exp Log Erf Gelu Elu Selu Celu Softplus Softsign "
                                          "Mish Pow Sin Cos Tan Sinh Cosh Asin Acos "
                                          "Atan Asinh Acosh Atanh HannWindow HammingWindow BlackmanWindow"},
    family_row{op_family::softmax, "Softmax LogSoftmax Hardmax SoftmaxCrossEntropyLoss"},
    family_row{op_family::normalization,
               "LRN LayerNormalization InstanceNormalization GroupNormalization LpNormalization "
               "MeanVarianceNormalization RMSNormalization"},
    family_row{
        op_family::movement,
        "Concat Split Slice Transpose Pad Gather GatherElements GatherND Scatter ScatterElements ScatterND "
        "Expand Tile Resize Upsample GridSample DepthToSpace SpaceToDepth OneHot Trilu ReverseSequence "
        "Compress"},
    family_row{op_family::view,
               "Reshape Flatten Squeeze Unsqueeze Identity Dropout Shape Size Constant ConstantOfShape"},
};

/// Whether a list of words separated by single spaces has that word.
constexpr bool has_word(std::string_view words, std::string_view word) {
    if (word.empty() || word.find(' ') != std::string_view::npos) return false;
    for (std::size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
        const std::size_t end = at + word.size();
        if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) return true;
    }
    return false;
}

/// Family of a convolution, by its filter [out, in / group, k...].
inline op_family conv_family(const shape& filter, std::int64_t group) {
    if (filter.size() < 3) return op_family::other;
    if (group > 1) return filter[1] == 1 ? op_family::conv_depthwise : op_family::conv_grouped;
    if (filter[1] < 8) return op_family::conv_few;
    std::int64_t area = 1;
    for (std::size_t axis = 2; axis < filter.size(); ++axis) area *= filter[axis];
    return area == 1 ? op_family::conv_1x1 : op_family::conv_kxk;
}

}  // namespace detail

[[nodiscard]] constexpr std::string_view to_string(op_family family) noexcept {
    return detail::family_names[static_cast<std::size_t>(family)];
}

/// The family of that name, or nothing.
[[nodiscard]] constexpr std::optional<op_family> family_from_string(std::string_view name) noexcept {
    for (std::size_t i = 0; i < op_family_count; ++i)
        if (detail::family_names[i] == name) return static_cast<op_family>(i);
    return std::nullopt;
}

/// The family of a layer; `other` for an operator that is not known here.
template <class Layer, class Tensor>
[[nodiscard]] op_family family_of(const layer_view<Layer, Tensor>& view) {
    const std::string_view op = view.layer.op;
    const std::size_t at =
        op.starts_with("QLinear") ? 3 : 1;  // after the first operand's scale and zero point
    const Tensor* second = view.inputs.size() > at ? view.inputs[at] : nullptr;
    if (op == "Conv" || op == "ConvInteger" || op == "QLinearConv")
        return second && second->dims
                   ? detail::conv_family(*second->dims, get_or<std::int64_t>(view.layer.attrs, "group", 1))
                   : op_family::other;
    if (op == "Gemm" || op == "MatMul" || op == "Einsum" || op == "MatMulInteger" || op == "QLinearMatMul")
        return second && second->constant ? op_family::gemm : op_family::matmul;
    for (const auto& row : detail::family_rows)
        if (detail::has_word(row.operators, op)) return row.family;
    return op_family::other;
}

}  // namespace dispart

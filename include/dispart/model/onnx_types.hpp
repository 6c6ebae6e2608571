#pragma once
/// \file
/// ONNX's numbers of element types (TensorProto.DataType), which attributes such as Cast's `to` carry.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "dispart/tensor/dtype.hpp"

namespace dispart {

namespace detail {
struct onnx_type_row {
    std::int64_t number;
    std::string_view name;
    dtype type;
};
inline constexpr std::array<onnx_type_row, dtype_count> onnx_types{{{1, "FLOAT", dtype::f32},
                                                                    {2, "UINT8", dtype::u8},
                                                                    {3, "INT8", dtype::i8},
                                                                    {4, "UINT16", dtype::u16},
                                                                    {5, "INT16", dtype::i16},
                                                                    {6, "INT32", dtype::i32},
                                                                    {7, "INT64", dtype::i64},
                                                                    {9, "BOOL", dtype::boolean},
                                                                    {10, "FLOAT16", dtype::f16},
                                                                    {11, "DOUBLE", dtype::f64},
                                                                    {12, "UINT32", dtype::u32},
                                                                    {13, "UINT64", dtype::u64},
                                                                    {16, "BFLOAT16", dtype::bf16}}};
}  // namespace detail

/// The dtype of an ONNX type number, or nothing (strings, complex numbers, 8-bit floats, ...).
[[nodiscard]] constexpr std::optional<dtype> dtype_from_onnx(std::int64_t number) noexcept {
    for (const auto& row : detail::onnx_types)
        if (row.number == number) return row.type;
    return std::nullopt;
}

/// The dtype of an ONNX type name ("FLOAT"), as the oldest files spell it, or nothing.
[[nodiscard]] constexpr std::optional<dtype> dtype_from_onnx(std::string_view name) noexcept {
    for (const auto& row : detail::onnx_types)
        if (row.name == name) return row.type;
    return std::nullopt;
}

/// The ONNX number of a dtype.
[[nodiscard]] constexpr std::int64_t onnx_number(dtype type) noexcept {
    for (const auto& row : detail::onnx_types)
        if (row.type == type) return row.number;
    return 0;
}

}  // namespace dispart

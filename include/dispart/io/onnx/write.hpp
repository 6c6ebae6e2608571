#pragma once
/// \file
/// Models to ONNX files that other engines load, and that `read_onnx` turns back into the same model.

#include <protozero/pbf_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/onnx/detail/messages.hpp"
#include "dispart/io/onnx/detail/pieces.hpp"
#include "dispart/io/onnx/tensor_proto.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/order.hpp"
#include "dispart/model/validate.hpp"

namespace dispart::io {

/// How a model is written.
struct onnx_write_options {
    /// Writes constants that have no elements as descriptions, which only dispart reads; otherwise they are an error.
    bool weightless = false;
};

namespace detail {

inline constexpr std::int64_t onnx_ir_version = 8;
/// Protobuf's own limit on a message, which other engines enforce.
inline constexpr std::size_t onnx_size_limit = std::numeric_limits<std::int32_t>::max();

[[nodiscard]] inline std::string encoded_tensor(const tensor& value) {
    auto out = tensor_head({}, value.type(), value.dims(), value.size_bytes());
    out.append(as_text(value.bytes()));
    return out;
}

/// Writes one alternative of `attribute` into an AttributeProto.
struct attribute_writer {
    protozero::pbf_writer& out;

    void operator()(std::int64_t value) { out.add_int64(3, value), type(attribute_type::integer); }
    void operator()(float value) { out.add_float(2, value), type(attribute_type::real); }
    void operator()(const std::string& value) { out.add_bytes(4, value), type(attribute_type::bytes); }
    void operator()(const tensor& value) {
        out.add_message(5, encoded_tensor(value)), type(attribute_type::tensor);
    }
    void operator()(const std::vector<std::int64_t>& values) {
        for (const auto value : values) out.add_int64(8, value);
        type(attribute_type::integers);
    }
    void operator()(const std::vector<float>& values) {
        for (const auto value : values) out.add_float(7, value);
        type(attribute_type::reals);
    }
    void operator()(const std::vector<std::string>& values) {
        for (const auto& value : values) out.add_bytes(9, value);
        type(attribute_type::strings);
    }

    void type(std::int64_t number) { out.add_int64(20, number); }
};

[[nodiscard]] inline std::string encoded_node(const layer& node, const std::vector<tensor_info>& tensors) {
    std::string out;
    protozero::pbf_writer writer(out);
    const auto name = [&](tensor_id t) { return t == no_id ? std::string() : tensors[t].name; };
    for (const auto t : node.inputs) writer.add_string(1, name(t));
    for (const auto t : node.outputs) writer.add_string(2, name(t));
    writer.add_string(3, node.name);
    writer.add_string(4, node.op);
    for (const auto& [key, value] : node.attrs) {
        protozero::pbf_writer attribute(writer, 5);
        attribute.add_string(1, key);
        std::visit(attribute_writer{attribute}, value);
    }
    return out;
}

/// ValueInfoProto; a tensor of unknown shape has a type only.
[[nodiscard]] inline std::string encoded_value(const tensor_info& t) {
    std::string dims;
    protozero::pbf_writer dims_writer(dims);
    for (const auto extent : t.dims.value_or(shape{})) {
        protozero::pbf_writer dim(dims_writer, 1);
        dim.add_int64(1, extent);
    }
    std::string tensor_type;
    protozero::pbf_writer type_writer(tensor_type);
    type_writer.add_int64(1, onnx_number(t.type));
    if (t.dims) type_writer.add_message(2, dims);  // a scalar's shape is there, and empty
    std::string type;
    protozero::pbf_writer(type).add_message(1, tensor_type);
    std::string out;
    protozero::pbf_writer writer(out);
    writer.add_string(1, t.name);
    writer.add_message(2, type);
    return out;
}

inline void add_field(pieces& out, std::uint32_t field, const std::string& message) {
    std::string tag;
    open_bytes(tag, field, message.size());
    out.add(tag);
    out.add(message);
}

/// Adds a constant as an initialiser, its elements by reference.
inline void add_initializer(pieces& out, const tensor_info& t) {
    const bool described_only = !t.value.has_value();
    const shape& dims = described_only ? *t.dims : t.value.dims();
    const std::size_t raw_size = t.value.size_bytes();
    const std::string head = described_only ? tensor_description(t.name, t.type, dims)
                                            : tensor_head(t.name, t.type, dims, raw_size);
    std::string tag;
    open_bytes(tag, 5, head.size() + (described_only ? 0 : raw_size));
    out.add(tag);
    out.add(head);
    if (!described_only) out.refer(t.value.bytes());
}

[[nodiscard]] inline std::vector<bool> are_ends(const graph_info<>& all) {
    std::vector<bool> ends(all.tensors.size(), false);
    for (const auto t : all.inputs) ends[t] = true;
    for (const auto t : all.outputs) ends[t] = true;
    return ends;
}

/// GraphProto of a valid model whose layers come in this order.
[[nodiscard]] inline pieces encoded_graph(const model& m, const std::vector<layer_id>& order) {
    pieces out;
    const auto& all = info(m);
    for (const auto v : order) add_field(out, 1, encoded_node(m[v], all.tensors));
    add_field(out, 2, all.name.empty() ? "graph" : all.name);
    for (const auto& t : all.tensors)
        if (t.constant) add_initializer(out, t);
    for (const auto t : all.inputs) add_field(out, 11, encoded_value(all.tensors[t]));
    for (const auto t : all.outputs) add_field(out, 12, encoded_value(all.tensors[t]));
    const auto ends = are_ends(all);
    for (tensor_id t = 0; t < all.tensors.size(); ++t)
        if (!all.tensors[t].constant && !ends[t] && all.tensors[t].dims)
            add_field(out, 13, encoded_value(all.tensors[t]));
    return out;
}

/// Everything of a ModelProto up to its graph's bytes.
[[nodiscard]] inline std::string encoded_model_head(std::int64_t opset, bool weightless,
                                                    std::size_t graph_size) {
    std::string out;
    protozero::pbf_writer writer(out);
    writer.add_int64(1, onnx_ir_version);
    writer.add_string(2, "dispart");
    {
        protozero::pbf_writer import(writer, 8);
        import.add_string(1, "");
        import.add_int64(2, opset);
    }
    if (weightless) {
        protozero::pbf_writer entry(writer, 14);
        entry.add_string(1, weightless_key.data(), weightless_key.size());
        entry.add_string(2, weightless_value.data(), weightless_value.size());
    }
    open_bytes(out, 7, graph_size);
    return out;
}

/// A whole ModelProto, tensors by reference to the model's. Errors: as `write_onnx`.
[[nodiscard]] inline result<pieces> encoded_model(const model& m, const onnx_write_options& options) {
    DISPART_CHECK(validate(m));
    for (const auto& t : info(m).tensors)
        if (t.constant && !t.value.has_value() && !(options.weightless && t.dims))
            return fail(errc::invalid_model, t.name, "the constant has no elements to write",
                        "make the model with weights, or set onnx_write_options::weightless");
    DISPART_TRY(const auto order, topological_order(m));
    const auto graph = encoded_graph(m, order);
    pieces whole;
    whole.add(encoded_model_head(info(m).opset, options.weightless, graph.size()));
    whole.add_all(graph);
    if (whole.size() > onnx_size_limit)
        return fail(errc::limit_exceeded, info(m).name,
                    "the model takes " + std::to_string(whole.size()) +
                        " bytes, and an ONNX file has at most 2^31 - 1",
                    "write its stages one by one");
    return whole;
}

}  // namespace detail

/// The model as an ONNX file of IR version 8 and the graph's own opset: layers in topological order, constants as
/// initialisers with raw_data, names, types and shapes kept. `read_onnx` without simplification gives the same model
/// back, bit by bit. One copy of the weights. O(bytes).
/// Errors: invalid_model (not valid, or a constant without elements), limit_exceeded (over 2 GiB, or no memory).
[[nodiscard]] inline result<std::vector<std::byte>> write_onnx(const model& m,
                                                               const onnx_write_options& options = {}) {
    try {
        DISPART_TRY(const auto whole, detail::encoded_model(m, options));
        std::vector<std::span<const std::byte>> spans;
        whole.append_spans(spans);
        std::vector<std::byte> out;
        out.reserve(whole.size());
        for (const auto span : spans) out.insert(out.end(), span.begin(), span.end());
        return out;
    } catch (const std::bad_alloc&) {
        return fail(errc::limit_exceeded, info(m).name, "not enough memory to write the model");
    }
}

/// Writes the model into a file as `write_onnx` does, without a copy of the weights.
/// Errors: those of `write_onnx` and of `write_file`.
[[nodiscard]] inline result<void> save_onnx(const model& m, const std::filesystem::path& path,
                                            const onnx_write_options& options = {}) {
    try {
        DISPART_TRY(const auto whole, detail::encoded_model(m, options));
        std::vector<std::span<const std::byte>> spans;
        whole.append_spans(spans);
        return write_file(path, spans);
    } catch (const std::bad_alloc&) {
        return fail(errc::limit_exceeded, path.string(), "not enough memory to write the model");
    }
}

}  // namespace dispart::io

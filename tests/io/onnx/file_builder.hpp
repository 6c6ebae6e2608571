#pragma once

#include <protozero/pbf_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "dispart/io/onnx/tensor_proto.hpp"

/// Encodes ONNX messages field by field, so that tests can write what no exporter of ours would.
namespace dispart::test::onnx {

using message = std::string;
using names = std::vector<std::string>;
/// An extent, or the name of a symbolic one ("" for a dimension about which nothing is said).
using dim = std::variant<std::int64_t, std::string>;

/// A field that holds a message or bytes.
inline message field(std::uint32_t number, const message& content) {
    message out;
    protozero::pbf_writer(out).add_bytes(number, content);
    return out;
}
inline message field(std::uint32_t number, std::int64_t value) {
    message out;
    protozero::pbf_writer(out).add_int64(number, value);
    return out;
}

inline message real(std::uint32_t number, float value) {
    message out;
    protozero::pbf_writer(out).add_float(number, value);
    return out;
}

inline message tensor_message(const tensor& value, const std::string& name = {}) {
    const auto bytes = io::write_tensor_proto(value, name);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// AttributeProtos.
inline message integer(const std::string& name, std::int64_t value) {
    return field(1, name) + field(3, value) + field(20, 2);
}
inline message tensor_attribute(const std::string& name, const tensor& value) {
    return field(1, name) + field(5, tensor_message(value)) + field(20, 4);
}
inline message graph_attribute(const std::string& name, const message& graph) {
    return field(1, name) + field(6, graph) + field(20, 5);
}
inline message reference(const std::string& name, const std::string& argument, std::int64_t type) {
    return field(1, name) + field(21, argument) + field(20, type);
}

/// NodeProto.
inline message node(const std::string& op, const names& inputs, const names& outputs,
                    const std::string& name = {}, const std::vector<message>& attributes = {},
                    const std::string& domain = {}) {
    message out;
    for (const auto& input : inputs) out += field(1, input);
    for (const auto& output : outputs) out += field(2, output);
    if (!name.empty()) out += field(3, name);
    out += field(4, op);
    for (const auto& attribute : attributes) out += field(5, attribute);
    if (!domain.empty()) out += field(7, domain);
    return out;
}

/// ValueInfoProto of a tensor; `type` is ONNX's number, 1 for FLOAT.
inline message value(const std::string& name, const std::vector<dim>& dims, std::int64_t type = 1) {
    message shape;
    for (const auto& each : dims) {
        const auto* extent = std::get_if<std::int64_t>(&each);
        const auto* symbol = std::get_if<std::string>(&each);
        shape += field(1, extent != nullptr ? field(1, *extent)
                          : symbol->empty() ? message()
                                            : field(2, *symbol));
    }
    return field(1, name) + field(2, field(1, field(1, type) + field(2, shape)));
}

/// GraphProto from its fields.
struct graph {
    std::vector<message> nodes{};
    std::vector<message> inputs{};
    std::vector<message> outputs{};
    std::vector<message> initializers{};

    [[nodiscard]] message encoded() const {
        message out = field(2, std::string("g"));
        for (const auto& each : nodes) out += field(1, each);
        for (const auto& each : initializers) out += field(5, each);
        for (const auto& each : inputs) out += field(11, each);
        for (const auto& each : outputs) out += field(12, each);
        return out;
    }
};

/// OperatorSetIdProto.
inline message opset(std::int64_t version, const std::string& domain = {}) {
    return (domain.empty() ? message() : field(1, domain)) + field(2, version);
}

/// ModelProto of IR version 8 and opset 13; `more` are further fields of it.
inline message model_message(const graph& g, const message& more = {}) {
    return field(1, 8) + field(8, opset(13)) + more + field(7, g.encoded());
}

inline std::span<const std::byte> bytes_of(const message& m) { return std::as_bytes(std::span(m)); }

}  // namespace dispart::test::onnx

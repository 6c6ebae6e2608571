#pragma once
/// \file
/// The messages of ONNX's onnx.proto as structs of views into the file.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace dispart::io::detail {

/// TensorShapeProto.Dimension: an extent, a symbol, or neither.
struct dimension_proto {
    std::optional<std::int64_t> extent{};
    std::string_view symbol{};
};

/// ValueInfoProto with its TypeProto flattened.
struct value_proto {
    std::string_view name{};
    std::string_view kind{};  ///< "tensor", "sequence", "map", ...; empty where no type is given
    std::int64_t element_type = 0;
    std::optional<std::vector<dimension_proto>> dims{};
};

/// NodeProto; attributes stay encoded until the node is used.
struct node_proto {
    std::string_view name{};
    std::string_view op{};
    std::string_view domain{};
    std::vector<std::string_view> inputs{};
    std::vector<std::string_view> outputs{};
    std::vector<std::string_view> attributes{};
};

/// AttributeProto; tensors and graphs stay encoded.
struct attribute_proto {
    std::string_view name{};
    std::string_view reference{};  ///< name of the enclosing function's attribute whose value this one takes
    std::int64_t type = 0;         ///< AttributeType, or what the fields that are there imply
    std::int64_t integer = 0;
    float real = 0.0F;
    std::string_view bytes{};
    std::string_view tensor{};
    std::string_view graph{};
    std::vector<float> reals{};
    std::vector<std::int64_t> integers{};
    std::vector<std::string_view> strings{};
};

/// AttributeProto.AttributeType, as far as it is handled.
namespace attribute_type {
inline constexpr std::int64_t real = 1, integer = 2, bytes = 3, tensor = 4, graph = 5, reals = 6,
                              integers = 7, strings = 8;
}  // namespace attribute_type

/// GraphProto; initialisers stay encoded.
struct graph_proto {
    std::string_view name{};
    std::vector<node_proto> nodes{};
    std::vector<std::string_view> initializers{};
    std::size_t sparse_initializers = 0;
    std::vector<value_proto> inputs{};
    std::vector<value_proto> outputs{};
    std::vector<value_proto> values{};
};

/// OperatorSetIdProto.
struct opset_proto {
    std::string_view domain{};
    std::int64_t version = 0;
};

/// FunctionProto.
struct function_proto {
    std::string_view name{};
    std::string_view domain{};
    std::vector<std::string_view> inputs{};
    std::vector<std::string_view> outputs{};
    std::vector<std::string_view> defaults{};  ///< AttributeProtos, encoded
    std::vector<node_proto> nodes{};
    std::vector<opset_proto> opsets{};
};

/// ModelProto; the graph stays encoded.
struct model_proto {
    std::int64_t ir_version = 0;
    std::vector<opset_proto> opsets{};
    std::optional<std::string_view> graph{};
    std::vector<function_proto> functions{};
    bool weightless = false;  ///< carries our mark that constants may lack their elements
};

/// The key of ModelProto.metadata_props that marks a file whose constants may lack their elements.
inline constexpr std::string_view weightless_key = "dispart.weights";
inline constexpr std::string_view weightless_value = "absent";

/// StringStringEntryProto.
struct entry_proto {
    std::string_view key{};
    std::string_view value{};
};

[[nodiscard]] inline bool is_standard(std::string_view domain) {
    return domain.empty() || domain == "ai.onnx";
}

/// Version of the standard operators that a list imports; the highest where there are several, 0 where there is none.
[[nodiscard]] inline std::int64_t standard_opset(std::span<const opset_proto> opsets) {
    std::int64_t version = 0;
    for (const auto& opset : opsets)
        if (is_standard(opset.domain)) version = std::max(version, opset.version);
    return version;
}

}  // namespace dispart::io::detail

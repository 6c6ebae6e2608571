#pragma once
/// \file
/// Parses ONNX's messages; the field numbers of onnx.proto stand in the switches.

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "dispart/io/onnx/detail/messages.hpp"
#include "dispart/io/onnx/detail/wire.hpp"

namespace dispart::io::detail {

[[nodiscard]] inline entry_proto parse_entry(wire_reader r) {
    entry_proto entry;
    while (r.next()) switch (r.field()) {
        case 1:
            entry.key = r.text();
            break;
        case 2:
            entry.value = r.bytes();
            break;
        default:
            r.skip();
        }
    return entry;
}

[[nodiscard]] inline dimension_proto parse_dimension(wire_reader r) {
    dimension_proto dim;
    while (r.next()) switch (r.field()) {
        case 1:
            dim.extent = r.integer();
            break;
        case 2:
            dim.symbol = r.text();
            break;
        default:
            r.skip();
        }
    return dim;
}

[[nodiscard]] inline std::vector<dimension_proto> parse_shape(wire_reader r) {
    std::vector<dimension_proto> dims;
    while (r.next()) {
        if (r.field() == 1) dims.push_back(parse_dimension({r.bytes(), r.state()}));
        else r.skip();
    }
    return dims;
}

inline void parse_tensor_type(wire_reader r, value_proto& value) {
    while (r.next()) switch (r.field()) {
        case 1:
            value.element_type = r.integer();
            break;
        case 2:
            value.dims = parse_shape({r.bytes(), r.state()});
            break;
        default:
            r.skip();
        }
}

inline void parse_type(wire_reader r, value_proto& value) {
    const auto other = [&](std::string_view kind) {
        value.kind = kind;
        r.skip();
    };
    while (r.next()) switch (r.field()) {
        case 1:
            value.kind = "tensor";
            parse_tensor_type({r.bytes(), r.state()}, value);
            break;
        case 4:
            other("sequence");
            break;
        case 5:
            other("map");
            break;
        case 7:
            other("opaque");
            break;
        case 8:
            other("sparse tensor");
            break;
        case 9:
            other("optional");
            break;
        default:
            r.skip();
        }
}

[[nodiscard]] inline value_proto parse_value(wire_reader r) {
    value_proto value;
    while (r.next()) switch (r.field()) {
        case 1:
            value.name = r.text();
            break;
        case 2:
            parse_type({r.bytes(), r.state()}, value);
            break;
        default:
            r.skip();
        }
    return value;
}

[[nodiscard]] inline node_proto parse_node(wire_reader r) {
    node_proto node;
    while (r.next()) switch (r.field()) {
        case 1:
            node.inputs.push_back(r.text());
            break;
        case 2:
            node.outputs.push_back(r.text());
            break;
        case 3:
            node.name = r.text();
            break;
        case 4:
            node.op = r.text();
            break;
        case 5:
            node.attributes.push_back(r.bytes());
            break;
        case 7:
            node.domain = r.text();
            break;
        default:
            r.skip();
        }
    return node;
}

inline void append_reals(std::string_view packed, std::vector<float>& out) {
    for (; !packed.empty(); packed.remove_prefix(sizeof(float))) {
        float value = 0.0F;
        std::memcpy(&value, packed.data(), sizeof value);
        out.push_back(value);
    }
}

[[nodiscard]] inline attribute_proto parse_attribute(wire_reader r) {
    attribute_proto a;
    std::int64_t stated = 0;
    while (r.next()) switch (r.field()) {
        case 1:
            a.name = r.text();
            break;
        case 2:
            a.real = r.real(), a.type = attribute_type::real;
            break;
        case 3:
            a.integer = r.integer(), a.type = attribute_type::integer;
            break;
        case 4:
            a.bytes = r.bytes(), a.type = attribute_type::bytes;
            break;
        case 5:
            a.tensor = r.bytes(), a.type = attribute_type::tensor;
            break;
        case 6:
            a.graph = r.bytes(), a.type = attribute_type::graph;
            break;
        case 7:
            append_reals(r.fixed(4), a.reals), a.type = attribute_type::reals;
            break;
        case 8:
            r.integers([&](std::int64_t value) { a.integers.push_back(value); });
            a.type = attribute_type::integers;
            break;
        case 9:
            a.strings.push_back(r.bytes()), a.type = attribute_type::strings;
            break;
        case 20:
            stated = r.integer();
            break;
        case 21:
            a.reference = r.text();
            break;
        default:
            r.skip();
        }
    if (stated != 0) a.type = stated;
    return a;
}

[[nodiscard]] inline graph_proto parse_graph(wire_reader r) {
    graph_proto graph;
    while (r.next()) switch (r.field()) {
        case 1:
            graph.nodes.push_back(parse_node({r.bytes(), r.state()}));
            break;
        case 2:
            graph.name = r.text();
            break;
        case 5:
            graph.initializers.push_back(r.bytes());
            break;
        case 11:
            graph.inputs.push_back(parse_value({r.bytes(), r.state()}));
            break;
        case 12:
            graph.outputs.push_back(parse_value({r.bytes(), r.state()}));
            break;
        case 13:
            graph.values.push_back(parse_value({r.bytes(), r.state()}));
            break;
        case 15:
            ++graph.sparse_initializers, r.skip();
            break;
        default:
            r.skip();
        }
    return graph;
}

[[nodiscard]] inline opset_proto parse_opset(wire_reader r) {
    opset_proto opset;
    while (r.next()) switch (r.field()) {
        case 1:
            opset.domain = r.text();
            break;
        case 2:
            opset.version = r.integer();
            break;
        default:
            r.skip();
        }
    return opset;
}

[[nodiscard]] inline function_proto parse_function(wire_reader r) {
    function_proto function;
    while (r.next()) switch (r.field()) {
        case 1:
            function.name = r.text();
            break;
        case 4:
            function.inputs.push_back(r.text());
            break;
        case 5:
            function.outputs.push_back(r.text());
            break;
        case 7:
            function.nodes.push_back(parse_node({r.bytes(), r.state()}));
            break;
        case 9:
            function.opsets.push_back(parse_opset({r.bytes(), r.state()}));
            break;
        case 10:
            function.domain = r.text();
            break;
        case 11:
            function.defaults.push_back(r.bytes());
            break;
        default:
            r.skip();
        }
    return function;
}

[[nodiscard]] inline model_proto parse_model(wire_reader r) {
    model_proto model;
    while (r.next()) switch (r.field()) {
        case 1:
            model.ir_version = r.integer();
            break;
        case 7:
            model.graph = r.bytes();
            break;
        case 8:
            model.opsets.push_back(parse_opset({r.bytes(), r.state()}));
            break;
        case 14: {
            const auto entry = parse_entry({r.bytes(), r.state()});
            model.weightless |= entry.key == weightless_key && entry.value == weightless_value;
            break;
        }
        case 25:
            model.functions.push_back(parse_function({r.bytes(), r.state()}));
            break;
        default:
            r.skip();
        }
    return model;
}

}  // namespace dispart::io::detail

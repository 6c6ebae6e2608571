#pragma once
/// \file
/// ONNX's attributes as the values of `dispart::attribute`.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/io/onnx/detail/external_data.hpp"
#include "dispart/io/onnx/detail/parse.hpp"
#include "dispart/io/onnx/tensor_proto.hpp"
#include "dispart/model/layer.hpp"

namespace dispart::io::detail {

/// Decodes the attributes of one node (or the defaults of a function); graphs are left out.
class attribute_reader {
  public:
    attribute_reader(wire_state& state, external_data& files, const attributes* arguments)
        : state_(state)
        , files_(files)
        , arguments_(arguments) {}

    /// All attributes. Errors name `owner`: invalid_model (no name, a name twice), unsupported (lists of tensors, sparse
    /// tensors, types), those of `decode_tensor`.
    [[nodiscard]] result<attributes> read(std::span<const std::string_view> encoded, const std::string& owner) {
        attributes all;
        for (const auto message : encoded) {
            const auto proto = parse_attribute({message, state_});
            if (proto.type == attribute_type::graph) continue;
            if (proto.name.empty()) return fail(errc::invalid_model, owner, "an attribute has no name");
            DISPART_TRY(auto value, decode(proto, owner));
            if (!value) continue;
            if (!all.emplace(proto.name, std::move(*value)).second)
                return fail(errc::invalid_model, owner,
                            "the attribute '" + std::string(proto.name) + "' is listed twice");
        }
        return all;
    }

  private:
    /// Nothing where the attribute refers to a function's argument that the caller left out.
    [[nodiscard]] result<std::optional<attribute>> decode(const attribute_proto& a, const std::string& owner) {
        if (!a.reference.empty()) return argument(a.reference, owner);
        switch (a.type) {
        case attribute_type::real:
            return attribute(a.real);
        case attribute_type::integer:
            return attribute(a.integer);
        case attribute_type::bytes:
            return attribute(std::string(a.bytes));
        case attribute_type::tensor:
            return tensor_value(a, owner);
        case attribute_type::reals:
            return attribute(a.reals);
        case attribute_type::integers:
            return attribute(a.integers);
        case attribute_type::strings:
            return attribute(std::vector<std::string>(a.strings.begin(), a.strings.end()));
        default:
            return fail(errc::unsupported, owner,
                        "the attribute '" + std::string(a.name) + "' has a type that is not handled (" +
                            std::to_string(a.type) + ")");
        }
    }

    [[nodiscard]] result<std::optional<attribute>> argument(std::string_view name,
                                                            const std::string& owner) const {
        if (arguments_ == nullptr)
            return fail(errc::invalid_model, owner,
                        "an attribute refers to an argument outside of a function");
        const auto found = arguments_->find(name);
        if (found == arguments_->end()) return std::optional<attribute>();
        return std::optional<attribute>(found->second);
    }

    [[nodiscard]] result<std::optional<attribute>> tensor_value(const attribute_proto& a,
                                                                const std::string& owner) {
        const wire_reader message(a.tensor, state_);
        DISPART_TRY(auto value, decode_tensor(message, parse_tensor_header(message),
                                              owner + "." + std::string(a.name), files_));
        return attribute(std::move(value));
    }

    wire_state& state_;
    external_data& files_;
    const attributes* arguments_;
};

/// The graph among a node's attributes that has this name, encoded.
[[nodiscard]] inline std::optional<std::string_view>
graph_attribute(std::span<const std::string_view> encoded, std::string_view name, wire_state& state) {
    for (const auto message : encoded)
        if (const auto proto = parse_attribute({message, state});
            proto.type == attribute_type::graph && proto.name == name)
            return proto.graph;
    return std::nullopt;
}

/// The value of a Constant node. Errors: unsupported (strings, sparse), invalid_model (none).
[[nodiscard]] inline result<tensor> constant_value(const attributes& all, const std::string& owner) {
    for (const auto& [name, value] : all) {
        if (const auto* t = std::get_if<tensor>(&value); t != nullptr && name == "value") return *t;
        if (const auto* i = std::get_if<std::int64_t>(&value); i != nullptr && name == "value_int")
            return tensor::of<std::int64_t>({}, std::span(i, 1));
        if (const auto* f = std::get_if<float>(&value); f != nullptr && name == "value_float")
            return tensor::of<float>({}, std::span(f, 1));
        const auto count = [](const auto& list) { return shape{static_cast<std::int64_t>(list.size())}; };
        if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value);
            list != nullptr && name == "value_ints")
            return tensor::of<std::int64_t>(count(*list), *list);
        if (const auto* list = std::get_if<std::vector<float>>(&value);
            list != nullptr && name == "value_floats")
            return tensor::of<float>(count(*list), *list);
    }
    return fail(errc::unsupported, owner, "a Constant without a numeric value is not handled");
}

}  // namespace dispart::io::detail

#pragma once

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "dispart/model/graph.hpp"

namespace dispart::test {

inline bool same_tensor(const tensor& a, const tensor& b) {
    return a.has_value() == b.has_value() && a.type() == b.type() && a.dims() == b.dims() &&
           (!a.has_value() || a.size_bytes() == 0 ||
            std::memcmp(a.bytes().data(), b.bytes().data(), a.size_bytes()) == 0);
}

inline bool same_attribute(const attribute& a, const attribute& b) {
    if (a.index() != b.index()) return false;
    const auto* value = std::get_if<tensor>(&a);
    return value != nullptr ? same_tensor(*value, std::get<tensor>(b))
                            : std::visit(
                                  [&]<class T>(const T& left) {
                                      if constexpr (std::is_same_v<T, tensor>) return false;
                                      else return left == std::get<T>(b);
                                  },
                                  a);
}

inline std::vector<std::string> names_of(const model& m, const std::vector<tensor_id>& ids) {
    std::vector<std::string> names;
    for (const auto t : ids) names.push_back(t == no_id ? "" : info(m).tensors[t].name);
    return names;
}

inline bool same_layer(const model& m, const layer& a, const model& n, const layer& b) {
    if (a.op != b.op || names_of(m, a.inputs) != names_of(n, b.inputs) ||
        names_of(m, a.outputs) != names_of(n, b.outputs) || a.attrs.size() != b.attrs.size())
        return false;
    for (const auto& [name, value] : a.attrs)
        if (const auto other = b.attrs.find(name);
            other == b.attrs.end() || !same_attribute(value, other->second))
            return false;
    return true;
}

/// The first thing in which two models differ beside the numbering of tensors and layers, or nothing: "".
inline std::string difference(const model& m, const model& n) {
    if (info(m).name != info(n).name || info(m).opset != info(n).opset) return "name or opset";
    if (names_of(m, info(m).inputs) != names_of(n, info(n).inputs)) return "inputs";
    if (names_of(m, info(m).outputs) != names_of(n, info(n).outputs)) return "outputs";
    if (num_vertices(m) != num_vertices(n) || num_edges(m) != num_edges(n))
        return "number of layers or edges";
    if (info(m).tensors.size() != info(n).tensors.size()) return "number of tensors";
    std::map<std::string, const tensor_info*> tensors;
    for (const auto& t : info(n).tensors) tensors[t.name] = &t;
    for (const auto& t : info(m).tensors) {
        const auto* other = tensors[t.name];
        if (other == nullptr || t.type != other->type || t.dims != other->dims ||
            t.constant != other->constant || !same_tensor(t.value, other->value))
            return "tensor " + t.name;
    }
    std::map<std::string, layer_id> layers;
    for (layer_id v = 0; v < num_vertices(n); ++v) layers[n[v].name] = v;
    for (layer_id v = 0; v < num_vertices(m); ++v) {
        const auto other = layers.find(m[v].name);
        if (other == layers.end() || !same_layer(m, m[v], n, n[other->second])) return "layer " + m[v].name;
    }
    return "";
}

}  // namespace dispart::test

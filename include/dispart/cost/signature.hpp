#pragma once
/// \file
/// The signature of a layer: layers of equal signatures do the same work, whatever their names and weights are.

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "dispart/model/layer.hpp"
#include "dispart/model/layer_view.hpp"

namespace dispart {

namespace detail {

inline std::string attribute_text(const attribute& value) {
    const auto number = [](float v) {
        char text[32];
        std::snprintf(text, sizeof text, "%.9g", static_cast<double>(v));
        return std::string(text);
    };
    const auto list = [](const auto& items, auto&& print) {
        std::string text;
        for (const auto& item : items) text += (text.empty() ? "" : ",") + print(item);
        return text;
    };
    return std::visit(
        [&](const auto& v) -> std::string {
            using held = std::decay_t<decltype(v)>;
            if constexpr (std::is_same_v<held, std::int64_t>) return std::to_string(v);
            else if constexpr (std::is_same_v<held, float>) return number(v);
            else if constexpr (std::is_same_v<held, std::string>) return v;
            else if constexpr (std::is_same_v<held, std::vector<std::int64_t>>)
                return list(v, [](std::int64_t i) { return std::to_string(i); });
            else if constexpr (std::is_same_v<held, std::vector<float>>) return list(v, number);
            else if constexpr (std::is_same_v<held, std::vector<std::string>>)
                return list(v, [](const std::string& s) { return s; });
            else return std::string(to_string(v.type())) + to_string(v.dims());
        },
        value);
}

/// `f32[1,3,8,8]`, with a leading `#` for a constant; `-` where absent.
template <class Tensor>
std::string operand_text(const Tensor* t) {
    if (t == nullptr) return "-";
    std::string text = t->constant ? "#" : "";
    text += to_string(t->type);
    if (!t->dims) return text + "?";
    text += '[';
    for (std::size_t i = 0; i < t->dims->size(); ++i) text += (i ? "," : "") + std::to_string((*t->dims)[i]);
    return text + ']';
}

}  // namespace detail

/// `Conv{group=1;kernel_shape=3,3}(f32[1,3,8,8],#f32[4,3,3,3])->f32[1,4,6,6]`: operator, attributes in order of their
/// names, types and shapes of operands and results. Values of constants are left out, since time does not depend on them.
template <class Layer, class Tensor>
[[nodiscard]] std::string layer_signature(const layer_view<Layer, Tensor>& view) {
    std::string text = view.layer.op + "{";
    for (const auto& [name, value] : view.layer.attrs)
        text += (text.back() == '{' ? "" : ";") + name + "=" + detail::attribute_text(value);
    text += "}(";
    for (const Tensor* t : view.inputs) text += (text.back() == '(' ? "" : ",") + detail::operand_text(t);
    text += ")->";
    for (const Tensor* t : view.outputs) text += (text.back() == '>' ? "" : ",") + detail::operand_text(t);
    return text;
}

}  // namespace dispart

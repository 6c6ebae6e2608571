#pragma once
/// \file
/// Names of an ONNX file: which tensor a name means where, and names made unique.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "dispart/core/ids.hpp"
#include "dispart/model/layer.hpp"

namespace dispart::io::detail {

/// Names that a graph, a branch of an `If` or a function's body sees.
struct name_scope {
    const name_scope* outer = nullptr;  ///< whose names are visible too; none for the main graph and functions
    std::string prefix{};               ///< of the layers and tensors that are made here
    const attributes* arguments = nullptr;  ///< what a function's body may refer to
    std::size_t depth = 0;
    std::unordered_map<std::string_view, tensor_id> ids{};  ///< `no_id` for a parameter that the caller left out

    [[nodiscard]] std::optional<tensor_id> find(std::string_view name) const {
        for (const auto* scope = this; scope != nullptr; scope = scope->outer)
            if (const auto at = scope->ids.find(name); at != scope->ids.end()) return at->second;
        return std::nullopt;
    }
};

/// Hands out names that differ.
class unique_names {
  public:
    /// The name itself where it is new, or with "#2", "#3", ... at its end.
    [[nodiscard]] std::string make(std::string name) {
        if (used_.insert(name).second) return name;
        for (std::size_t& last = copies_.try_emplace(name, 1).first->second;;) {
            std::string other = name + "#" + std::to_string(++last);
            if (used_.insert(other).second) return other;
        }
    }

  private:
    std::unordered_set<std::string> used_{};
    std::unordered_map<std::string, std::size_t> copies_{};
};

}  // namespace dispart::io::detail

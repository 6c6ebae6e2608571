#pragma once
/// \file
/// What a file asks for and nobody does: gathered, so that one error names all of it.

#include <cstddef>
#include <map>
#include <string>

#include "dispart/core/result.hpp"

namespace dispart::io::detail {

/// What is known but not handled, gathered so that one message names all of it.
class unsupported_list {
  public:
    void add(const std::string& what, const std::string& node) {
        auto& nodes = nodes_of_[what];
        if (first_.empty()) first_ = node;
        ++nodes.count;
        if (nodes.first.empty()) nodes.first = node;
    }
    [[nodiscard]] bool empty() const noexcept { return nodes_of_.empty(); }

    /// Errors: unsupported, unless the list is empty.
    [[nodiscard]] result<void> check() const {
        if (empty()) return {};
        std::string text;
        for (const auto& [what, nodes] : nodes_of_) {
            text += (text.empty() ? "" : "; ") + what + " (node '" + nodes.first + "'";
            text += nodes.count > 1 ? " and " + std::to_string(nodes.count - 1) + " more)" : ")";
        }
        return fail(errc::unsupported, first_, "not handled: " + text);
    }

  private:
    struct entry {
        std::size_t count = 0;
        std::string first{};
    };
    std::map<std::string, entry> nodes_of_{};
    std::string first_{};
};

}  // namespace dispart::io::detail

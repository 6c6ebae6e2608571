#pragma once
/// \file
/// What a plan must respect besides the machines' limits: which layers and tensors may be where.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dispart {

/// Layers and devices by name; `*` stands for any characters.
struct placement_rule {
    std::string layers = "*";
    std::string devices = "*";
};

/// What must be where the device's label has that value; `*` stands for any characters in `names` and `value`.
struct label_rule {
    std::string names = "*";
    std::string label{};  ///< "zone", "trust", ...
    std::string value{};
};

/// What a device gives at most, besides what it has.
struct memory_cap {
    std::string devices = "*";
    double bytes = 0.0;
};

/// Hard constraints. All of them hold at once; a name or pattern that matches nothing is an error.
struct constraints {
    std::vector<placement_rule> pins{};     ///< these layers run on these devices only
    std::vector<placement_rule> forbids{};  ///< these layers do not run on these devices
    std::vector<label_rule> layers{};       ///< these layers run only on devices that carry the label
    std::vector<label_rule> tensors{};  ///< the same for every layer that reads or writes one of these tensors
    std::vector<std::vector<std::string>> together{};  ///< all layers that one of a group's names fits share a device
    std::vector<memory_cap> caps{};      ///< the layers on these devices need at most so much memory
    std::vector<std::string> devices{};  ///< only these devices are used; empty: all
    std::vector<std::string> order{};    ///< devices in the order of a chain; empty: the planner's choice
    std::size_t max_devices = 0;         ///< at most so many devices are used; 0: no limit
};

/// Whether a name fits a pattern in which `*` stands for any characters. O(pattern * name).
[[nodiscard]] constexpr bool matches(std::string_view pattern, std::string_view name) {
    std::size_t p = 0, n = 0;
    std::size_t star = std::string_view::npos, resume = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = n;
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p, ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace dispart

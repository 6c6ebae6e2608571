#pragma once
/// \file
/// Numbers in the text format that Prometheus scrapes.
/// Source: "Exposition formats", Prometheus documentation, text format 0.0.4.

#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dispart::io {

/// One number and what tells it from the others of its name.
struct metric_sample {
    std::vector<std::pair<std::string, std::string>> labels{};
    double value = 0.0;
};

/// All numbers of one name.
struct metric_family {
    std::string name{};  ///< [a-zA-Z_:][a-zA-Z0-9_:]*
    std::string help{};
    std::string type = "gauge";  ///< or "counter"
    std::vector<metric_sample> samples{};
};

namespace detail {

/// Backslashes and line ends, and in labels quotes, are escaped.
inline void append_escaped(std::string& to, std::string_view text, bool quotes) {
    for (const char c : text) {
        if (c == '\n') to += "\\n";
        else if (c == '\\') to += "\\\\";
        else if (c == '"' && quotes) to += "\\\"";
        else to += c;
    }
}

inline void append_number(std::string& to, double value) {
    if (std::isnan(value)) to += "NaN";
    else if (std::isinf(value)) to += value > 0 ? "+Inf" : "-Inf";
    else {
        std::array<char, 32> digits{};
        to.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
    }
}

}  // namespace detail

/// The families one after the other. O(output).
[[nodiscard]] inline std::string prometheus_text(std::span<const metric_family> families) {
    std::string out;
    for (const metric_family& each : families) {
        out += "# HELP " + each.name + " ";
        detail::append_escaped(out, each.help, false);
        out += "\n# TYPE " + each.name + " " + each.type + "\n";
        for (const metric_sample& sample : each.samples) {
            out += each.name;
            for (std::size_t i = 0; i < sample.labels.size(); ++i) {
                out += (i == 0 ? "{" : ",") + sample.labels[i].first + "=\"";
                detail::append_escaped(out, sample.labels[i].second, true);
                out += '"';
            }
            out += sample.labels.empty() ? " " : "} ";
            detail::append_number(out, sample.value);
            out += '\n';
        }
    }
    return out;
}

}  // namespace dispart::io

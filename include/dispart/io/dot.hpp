#pragma once
/// \file
/// Placement graphs as Graphviz DOT: layers in a box per part, and what crosses from box to box.

#include <cstdio>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/model/graph.hpp"

namespace dispart::io {

/// The text as a DOT string, quotes included.
[[nodiscard]] inline std::string dot_quote(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        if (c == '\n') quoted += "\\n";
        else quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return quoted + '"';
}

namespace detail {

/// 3211264 bytes as "3.2 MB".
inline std::string readable_bytes(double size) {
    static constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    for (; size >= 1000.0 && unit + 1 < std::size(units); ++unit) size /= 1000.0;
    char text[32];
    std::snprintf(text, sizeof text, "%.3g %s", size, units[unit]);
    return text;
}

/// One line per part that holds layers: its box and their nodes.
template <class Layer, class Tensor>
std::string dot_boxes(const layer_graph<Layer, Tensor>& g, std::span<const part_id> part_of,
                      std::span<const std::string> labels) {
    static constexpr const char* colours[] = {"#cfe3f3", "#fbe3bf", "#c9ebdf",
                                              "#f2dcea", "#dcf0fa", "#f7d5bd"};
    std::vector<std::string> boxes(labels.size());
    for (layer_id v = 0; v < num_vertices(g); ++v)
        boxes[part_of[v]] +=
            "    n" + std::to_string(v) + " [label=" + dot_quote(g[v].op + "\n" + g[v].name) + "];\n";
    std::string text;
    for (part_id p = 0; p < boxes.size(); ++p)
        text += "  subgraph cluster_" + std::to_string(p) + " {\n    label=" + dot_quote(labels[p]) +
                "; style=\"filled,rounded\"; color=" + dot_quote(colours[p % std::size(colours)]) + ";\n" +
                boxes[p] + "  }\n";
    return text;
}

}  // namespace detail

/// The layer graph with its layers boxed by part; edges that cross are bold and say how many bytes travel.
/// \param part_of [layer] the part of each layer, below labels.size()
/// \param labels [part] what stands over each box
/// \return a DOT document for `dot -Tsvg`. Precondition: one part per layer. O(layers + edges).
template <class Layer, class Tensor>
[[nodiscard]] std::string placement_dot(const layer_graph<Layer, Tensor>& g, std::span<const part_id> part_of,
                                        std::span<const std::string> labels) {
    DISPART_EXPECTS(part_of.size() == num_vertices(g));
    for (const auto p : part_of) DISPART_EXPECTS(p < labels.size());
    std::string text =
        "digraph " + dot_quote(info(g).name) +
        " {\n  node [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\", fontsize=10];\n"
        "  edge [fontname=\"sans-serif\", fontsize=9];\n";
    text += detail::dot_boxes(g, part_of, labels);
    for (auto [e, end] = edges(g); e != end; ++e) {
        const auto from = source(*e, g);
        const auto to = target(*e, g);
        text += "  n" + std::to_string(from) + " -> n" + std::to_string(to);
        if (part_of[from] != part_of[to])
            text += " [penwidth=3, color=\"#D55E00\", label=" +
                    dot_quote(detail::readable_bytes(info(g).tensors[g[*e].tensor].size_bytes())) + "]";
        text += ";\n";
    }
    return text + "}\n";
}

}  // namespace dispart::io

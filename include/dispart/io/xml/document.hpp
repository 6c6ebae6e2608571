#pragma once
/// \file
/// Checked reading of XML: Boost.PropertyTree behind limits, with errors as values.

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>

#include "dispart/core/result.hpp"

namespace dispart::io {

/// An element: its children by name in order, its attributes below "<xmlattr>".
using xml_node = boost::property_tree::ptree;

struct xml_limits {
    std::size_t bytes = std::size_t{64} << 20;  ///< longest text
    std::size_t depth = 256;                    ///< deepest nesting of elements
};

namespace detail {

/// The deepest nesting of elements that a text can have: opening tags less closing ones, whatever stands between.
inline std::size_t xml_nesting(std::string_view text) {
    std::size_t depth = 0, deepest = 0;
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (text[i] == '/' && text[i + 1] == '>' && depth > 0) --depth;
        if (text[i] != '<') continue;
        if (text[i + 1] == '/') depth -= depth > 0 ? 1 : 0;
        else if (text[i + 1] != '!' && text[i + 1] != '?') deepest = std::max(deepest, ++depth);
    }
    return deepest;
}

}  // namespace detail

/// The document element's parent: `parse_xml(text, what)->get_child("platform")`.
/// Errors: parse_error (not XML, with the line), limit_exceeded (too long or too deep); `what` is the offender. O(length).
[[nodiscard]] inline result<xml_node> parse_xml(std::string_view text, const std::string& what,
                                                const xml_limits& limits = {}) {
    if (text.size() > limits.bytes)
        return fail(errc::limit_exceeded, what,
                    "the text has more than " + std::to_string(limits.bytes) + " bytes");
    if (text.find('\0') != std::string_view::npos) return fail(errc::parse_error, what, "it has a zero byte");
    if (detail::xml_nesting(text) > limits.depth)
        return fail(errc::limit_exceeded, what, "it is nested deeper than " + std::to_string(limits.depth));
    namespace pt = boost::property_tree;
    try {
        std::istringstream in{std::string(text)};
        xml_node root;
        pt::read_xml(in, root, pt::xml_parser::no_comments | pt::xml_parser::trim_whitespace);
        return root;
    } catch (const pt::xml_parser_error& e) {
        return fail(errc::parse_error, what, "line " + std::to_string(e.line()) + ": " + e.message());
    } catch (const std::exception& e) {
        return fail(errc::parse_error, what, e.what());
    }
}

/// An attribute's text, or `fallback`.
[[nodiscard]] inline std::string xml_attribute(const xml_node& node, const std::string& name,
                                               const std::string& fallback = {}) {
    const auto attributes = node.find("<xmlattr>");
    if (attributes == node.not_found()) return fallback;
    const auto found = attributes->second.find(name);
    return found == attributes->second.not_found() ? fallback : found->second.data();
}

}  // namespace dispart::io

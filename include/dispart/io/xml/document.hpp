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

/// A walk over the tags of a text as the parser (RapidXML, in Boost.PropertyTree) takes them, to bound its recursion.
class xml_walk {
  public:
    explicit xml_walk(std::string_view text) : text_(text) {}

    /// The deepest nesting of elements.
    [[nodiscard]] std::size_t nesting() {
        std::size_t depth = 0, deepest = 0;
        for (at_ = text_.find('<'); at_ < text_.size(); at_ = text_.find('<', at_)) {
            if (starts("<!") || starts("<?")) {
                skip_markup();
            } else if (starts("</")) {
                depth -= depth > 0 ? 1 : 0;
                ++at_;
            } else {
                deepest = std::max(deepest, ++depth);
                skip_tag();
                if (at_ < text_.size() && text_[at_ - 1] == '/') --depth;
            }
        }
        return deepest;
    }

  private:
    static constexpr std::string_view white = " \t\r\n";

    [[nodiscard]] bool starts(std::string_view with) const { return text_.substr(at_).starts_with(with); }
    void skip_to(std::size_t from, std::string_view end) {
        at_ = std::min(text_.find(end, std::min(from, text_.size())), text_.size());
    }

    /// Comments, character data, instructions and declarations.
    void skip_markup() {
        if (starts("<!--")) return skip_to(at_ + 4, "-->");
        if (starts("<![CDATA[")) return skip_to(at_ + 9, "]]>");
        if (starts("<?")) return skip_to(at_ + 2, "?>");
        if (!starts("<!DOCTYPE")) return skip_to(at_, ">");
        std::size_t brackets = 0;
        for (; at_ < text_.size() && (brackets > 0 || text_[at_] != '>'); ++at_) {
            if (text_[at_] == '[') ++brackets;
            if (text_[at_] == ']' && brackets > 0) --brackets;
        }
    }

    /// To the '>' of an opening tag; a value is what stands in quotes after '='.
    void skip_tag() {
        at_ = std::min(text_.find_first_of(" \t\r\n/>?", at_ + 1), text_.size());
        bool assigned = false;
        for (; at_ < text_.size() && text_[at_] != '>'; ++at_) {
            const char c = text_[at_];
            if (assigned && (c == '"' || c == '\'')) skip_to(at_ + 1, std::string_view(&c, 1));
            if (at_ < text_.size() && white.find(c) == white.npos) assigned = c == '=';
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace detail

/// The document element's parent: `parse_xml(text, what)->get_child("platform")`.
/// Errors: parse_error (not XML, with the line), limit_exceeded (too long or too deep); `what` is the offender. O(length).
[[nodiscard]] inline result<xml_node> parse_xml(std::string_view text, const std::string& what,
                                                const xml_limits& limits = {}) {
    if (text.size() > limits.bytes)
        return fail(errc::limit_exceeded, what,
                    "the text has more than " + std::to_string(limits.bytes) + " bytes");
    if (text.find('\0') != std::string_view::npos) return fail(errc::parse_error, what, "it has a zero byte");
    if (detail::xml_walk(text).nesting() > limits.depth)
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

#pragma once
/// \file
/// Clusters as Graphviz DOT: nodes are devices, edges are links, attributes are the fields of a cluster file.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/cluster.hpp"

namespace dispart::io {

namespace detail {

using dot_attributes = std::map<std::string, std::string>;

/// The parts of a DOT text: identifiers, numerals and quoted strings as `id`, everything else as one-character `mark`s
/// (`->` and `--` as '>' and '-').
struct dot_token {
    enum class kind { end, id, mark } what = kind::end;
    char mark = 0;
    bool quoted = false;
    std::string text{};
};

/// Reads tokens one by one. Errors: parse_error with the line.
class dot_lexer {
  public:
    explicit dot_lexer(std::string_view text) : text_(text) {}

    [[nodiscard]] tl::unexpected<error> wrong(std::string message) const {
        return fail(errc::parse_error, "line " + std::to_string(line_), std::move(message));
    }

    [[nodiscard]] result<dot_token> next() {
        DISPART_CHECK(skip_space());
        if (at_ == text_.size()) return dot_token{};
        const char c = text_[at_];
        if (c == '"') return quoted();
        if (is_word(c) || c == '.' || (c == '-' && at_ + 1 < text_.size() && is_number(text_[at_ + 1])))
            return word();
        ++at_;
        if (c == '-' && at_ < text_.size() && (text_[at_] == '>' || text_[at_] == '-'))
            return dot_token{.what = dot_token::kind::mark, .mark = text_[at_++]};
        if (std::string_view("{}[];,=:+").find(c) == std::string_view::npos)
            return wrong("a character that DOT has not (HTML labels are not read)");
        return dot_token{.what = dot_token::kind::mark, .mark = c};
    }

  private:
    static bool is_number(char c) { return (c >= '0' && c <= '9') || c == '.'; }
    static bool is_word(char c) {
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               static_cast<unsigned char>(c) >= 0x80;
    }

    void skip_to(std::string_view end) {
        for (; at_ < text_.size() && !text_.substr(at_).starts_with(end); ++at_) line_ += text_[at_] == '\n';
    }

    [[nodiscard]] result<void> skip_space() {
        while (at_ < text_.size()) {
            const auto rest = text_.substr(at_);
            const bool fresh = at_ == 0 || text_[at_ - 1] == '\n';
            if (rest.starts_with("//") || (fresh && rest.starts_with("#"))) {
                skip_to("\n");
            } else if (rest.starts_with("/*")) {
                at_ += 2;
                skip_to("*/");
                if (at_ == text_.size()) return wrong("a comment does not end");
                at_ += 2;
            } else if (std::string_view(" \t\r\n\f\v").find(rest.front()) != std::string_view::npos) {
                line_ += rest.front() == '\n';
                ++at_;
            } else {
                break;
            }
        }
        return {};
    }

    [[nodiscard]] result<dot_token> quoted() {
        dot_token made{.what = dot_token::kind::id, .quoted = true};
        for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
            line_ += text_[at_] == '\n';
            if (text_[at_] != '\\' || at_ + 1 == text_.size()) {
                made.text += text_[at_];
                continue;
            }
            const char escaped = text_[++at_];
            line_ += escaped == '\n';
            if (escaped == 'n') made.text += '\n';
            else if (escaped == '"' || escaped == '\\') made.text += escaped;
            else if (escaped != '\n') (made.text += '\\') += escaped;
        }
        if (at_ == text_.size()) return wrong("a quoted text does not end");
        ++at_;
        return made;
    }

    [[nodiscard]] result<dot_token> word() {
        const std::size_t from = at_++;
        const bool number = !is_word(text_[from]) || is_number(text_[from]);
        while (at_ < text_.size() && (is_word(text_[at_]) || (number && text_[at_] == '.'))) ++at_;
        return dot_token{.what = dot_token::kind::id, .text = std::string(text_.substr(from, at_ - from))};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
};

/// Reads a graph into the document of a cluster file. Errors: parse_error with the line, limit_exceeded.
class dot_cluster_reader {
  public:
    explicit dot_cluster_reader(std::string_view text) : lexer_(text) {}

    [[nodiscard]] result<json> read() {
        DISPART_CHECK(advance());
        if (is_word("strict")) DISPART_CHECK(advance());
        if (!is_word("graph") && !is_word("digraph"))
            return lexer_.wrong("it does not begin with graph or digraph");
        directed_ = is_word("digraph");
        DISPART_CHECK(advance());
        if (now_.what == dot_token::kind::id) {
            document_["name"] = now_.text;
            DISPART_CHECK(advance());
        }
        document_["devices"] = json::array();
        document_["links"] = json::array();
        std::vector<std::size_t> all;
        DISPART_CHECK(read_body(all, {}, {}, 0));
        if (now_.what != dot_token::kind::end) return lexer_.wrong("something follows the graph");
        if (failed_) return tl::unexpected(*failed_);
        return std::move(document_);
    }

  private:
    [[nodiscard]] bool is_mark(char c) const { return now_.what == dot_token::kind::mark && now_.mark == c; }
    [[nodiscard]] bool is_word(std::string_view word) const {
        if (now_.what != dot_token::kind::id || now_.quoted || now_.text.size() != word.size()) return false;
        for (std::size_t i = 0; i < word.size(); ++i)
            if (std::tolower(static_cast<unsigned char>(now_.text[i])) != word[i]) return false;
        return true;
    }

    [[nodiscard]] result<void> advance() {
        DISPART_TRY(now_, lexer_.next());
        return {};
    }
    [[nodiscard]] result<void> expect(char mark) {
        if (!is_mark(mark)) return lexer_.wrong(std::string("'") + mark + "' is missing");
        return advance();
    }
    /// An identifier; quoted texts may be joined by '+'.
    [[nodiscard]] result<std::string> identifier() {
        if (now_.what != dot_token::kind::id) return lexer_.wrong("a name is missing");
        std::string text = now_.text;
        DISPART_CHECK(advance());
        while (is_mark('+')) {
            DISPART_CHECK(advance());
            if (now_.what != dot_token::kind::id || !now_.quoted)
                return lexer_.wrong("'+' joins quoted texts");
            text += now_.text;
            DISPART_CHECK(advance());
        }
        return text;
    }

    /// "[a=b, c=d][e=f]", where there is any.
    [[nodiscard]] result<void> read_attributes(dot_attributes& into) {
        while (is_mark('[')) {
            DISPART_CHECK(advance());
            while (!is_mark(']')) {
                DISPART_TRY(const auto name, identifier());
                DISPART_CHECK(expect('='));
                DISPART_TRY(into[name], identifier());
                if (is_mark(',') || is_mark(';')) DISPART_CHECK(advance());
            }
            DISPART_CHECK(advance());
        }
        return {};
    }

    /// "{ statements }"; `inside` gets the devices that they mention.
    [[nodiscard]] result<void> read_body(std::vector<std::size_t>& inside, dot_attributes nodes,
                                         dot_attributes edges, std::size_t depth) {
        if (depth > 64) return fail(errc::limit_exceeded, "DOT", "subgraphs are nested deeper than 64");
        DISPART_CHECK(expect('{'));
        while (!is_mark('}')) {
            if (now_.what == dot_token::kind::end) return lexer_.wrong("'}' is missing");
            DISPART_CHECK(read_statement(inside, nodes, edges, depth));
            if (is_mark(';') || is_mark(',')) DISPART_CHECK(advance());
        }
        return advance();
    }

    [[nodiscard]] result<void> read_statement(std::vector<std::size_t>& inside, dot_attributes& nodes,
                                              dot_attributes& edges, std::size_t depth) {
        for (const auto& [word, defaults] :
             {std::pair{"node", &nodes}, {"edge", &edges}, {"graph", &ignored_}})
            if (is_word(word)) {
                DISPART_CHECK(advance());
                return read_attributes(*defaults);
            }
        std::vector<std::size_t> from;
        bool one_node = false;
        std::string name;
        DISPART_CHECK(read_end(from, nodes, edges, depth, one_node, name));
        if (one_node && is_mark('=')) {
            DISPART_CHECK(advance());
            DISPART_TRY(const auto value, identifier());
            if (name == "source" || name == "sink") document_[name] = value;
            return {};
        }
        if (one_node) from.push_back(device(name, nodes));
        std::vector<std::pair<std::vector<std::size_t>, std::vector<std::size_t>>> hops;
        inside.insert(inside.end(), from.begin(), from.end());
        while (is_mark('>') || is_mark('-')) {
            if (is_mark('>') != directed_) return lexer_.wrong("'->' is for a digraph, '--' for a graph");
            DISPART_CHECK(advance());
            std::vector<std::size_t> to;
            DISPART_CHECK(read_end(to, nodes, edges, depth, one_node, name));
            if (one_node) to.push_back(device(name, nodes));
            inside.insert(inside.end(), to.begin(), to.end());
            hops.emplace_back(from, to);
            from = std::move(to);
        }
        if (hops.empty()) {
            dot_attributes own;
            DISPART_CHECK(read_attributes(own));
            return one_node ? put(own, device_fields, document_["devices"][from.front()]) : result<void>{};
        }
        auto properties = edges;
        DISPART_CHECK(read_attributes(properties));
        for (const auto& [a, b] : hops) DISPART_CHECK(link(a, b, properties));
        return {};
    }

    /// A node (its name, with its port passed over) or a subgraph (its devices).
    [[nodiscard]] result<void> read_end(std::vector<std::size_t>& found, const dot_attributes& nodes,
                                        const dot_attributes& edges, std::size_t depth, bool& one_node,
                                        std::string& name) {
        one_node = !is_word("subgraph") && !is_mark('{');
        if (is_word("subgraph")) {
            DISPART_CHECK(advance());
            if (now_.what == dot_token::kind::id) DISPART_CHECK(advance());
        }
        if (!one_node) return read_body(found, nodes, edges, depth + 1);
        DISPART_TRY(name, identifier());
        while (is_mark(':')) {
            DISPART_CHECK(advance());
            DISPART_TRY(const auto port, identifier());
            static_cast<void>(port);
        }
        return {};
    }

    /// The device of that name, made where it is mentioned first.
    [[nodiscard]] std::size_t device(const std::string& name, const dot_attributes& defaults) {
        const auto [found, fresh] = devices_.emplace(name, devices_.size());
        if (fresh) {
            json made = json::object();
            made["name"] = name;
            if (auto done = put(defaults, device_fields, made); !done && !failed_) failed_ = done.error();
            document_["devices"].push_back(std::move(made));
        }
        return found->second;
    }

    [[nodiscard]] result<void> link(const std::vector<std::size_t>& from, const std::vector<std::size_t>& to,
                                    dot_attributes properties) {
        const auto dir = properties.find("dir");
        const bool back = dir != properties.end() && dir->second == "back";
        const bool both = !directed_ || (dir != properties.end() && dir->second == "both");
        if (!from.empty() && to.size() > (max_file_links - document_["links"].size()) / from.size())
            return fail(errc::limit_exceeded, "DOT", "the graph has too many edges");
        for (const auto a : from)
            for (const auto b : to) {
                json made = json::object();
                made["from"] = document_["devices"][back ? b : a]["name"];
                made["to"] = document_["devices"][back ? a : b]["name"];
                if (!both) made["one_way"] = true;
                DISPART_CHECK(put(properties, link_fields, made));
                document_["links"].push_back(std::move(made));
            }
        return {};
    }

    /// How a field is written in DOT.
    enum class form { text, number, truth, words };
    using fields = std::map<std::string, form, std::less<>>;

    /// Attributes that are fields of ours. Others are Graphviz's, none of which has '_' in its name: one that has is
    /// refused, being misspelt.
    [[nodiscard]] result<void> put(const dot_attributes& from, const fields& known, json& into) const {
        for (const auto& [name, value] : from) {
            if (name.starts_with("label_") && &known == &device_fields) {
                into["labels"][name.substr(6)] = value;
                continue;
            }
            const auto field = known.find(name);
            if (field == known.end()) {
                if (name.find('_') == name.npos || name == "_background") continue;
                std::vector<std::string> names;
                for (const auto& [each, kind] : known) names.push_back(each);
                return fail(errc::parse_error, name, "there is no such attribute", suggestion(name, names));
            }
            DISPART_TRY(into[name], converted(name, value, field->second));
        }
        return {};
    }

    [[nodiscard]] static result<json> converted(const std::string& name, const std::string& value, form as) {
        if (as == form::text) return json(value);
        if (as == form::truth) {
            if (value != "true" && value != "false")
                return fail(errc::parse_error, name, "it is not true or false");
            return json(value == "true");
        }
        if (as == form::number) {
            const auto read = parse_quantity<unit::money>(value);
            if (!read) return fail(errc::parse_error, name, "'" + value + "' is not a number");
            return json(read->value);
        }
        json list = json::array();
        for (std::size_t at = 0; at < value.size();) {
            const std::size_t end = std::min(value.find(' ', at), value.size());
            if (end > at) list.push_back(value.substr(at, end - at));
            at = end + 1;
        }
        return list;
    }

    static inline const fields device_fields{
        {"address", form::text},          {"busy_power_w", form::text},
        {"computes", form::truth},        {"idle_power_w", form::text},
        {"layer_overhead_s", form::text}, {"memory_bandwidth_bytes_per_s", form::text},
        {"memory_bytes", form::text},     {"operators", form::words},
        {"price_per_hour", form::number}, {"reserve_bytes", form::text},
        {"slowdown", form::number},       {"speed_flops", form::text},
        {"storage_bytes", form::text}};
    static inline const fields link_fields{{"bandwidth_bytes_per_s", form::text},
                                           {"energy_j_per_byte", form::text},
                                           {"latency_s", form::text},
                                           {"measured_at", form::number},
                                           {"name", form::text},
                                           {"price_per_byte", form::number}};

    dot_lexer lexer_;
    dot_token now_{};
    bool directed_ = true;
    json document_ = json::object();
    std::map<std::string, std::size_t> devices_{};
    dot_attributes ignored_{};
    std::optional<error> failed_{};  ///< of defaults, told at the end
};

[[nodiscard]] inline std::string dot_text(const std::string& text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        if (c == '\n') quoted += "\\n";
        else quoted += c;
    }
    return quoted + '"';
}

[[nodiscard]] inline std::string dot_value(const ordered_json& value) {
    if (value.is_string()) return dot_text(value.get<std::string>());
    if (!value.is_array()) return dot_text(value.dump());
    std::string words;
    for (const auto& each : value) words += (words.empty() ? "" : " ") + each.get<std::string>();
    return dot_text(words);
}

/// The fields of one entry but those in `but`, as attributes.
[[nodiscard]] inline std::string dot_fields(const ordered_json& entry,
                                            std::initializer_list<std::string_view> but) {
    std::string text;
    const auto add = [&](const std::string& name, const ordered_json& value) {
        text += (text.empty() ? "" : ", ") + name + "=" + dot_value(value);
    };
    for (const auto& [name, value] : entry.items()) {
        if (std::find(but.begin(), but.end(), name) != but.end()) continue;
        if (name != "labels") add(name, value);
        else
            for (const auto& [label, meaning] : value.items()) add(dot_text("label_" + label), meaning);
    }
    return text.empty() ? "" : " [" + text + "]";
}

}  // namespace detail

/// A cluster from a DOT graph: a node is a device, an edge a link (of a digraph one way, unless dir=both), and their
/// attributes are the fields of a cluster file with the same spelling (`speed_flops="60 GFLOPS"`, `computes=false`);
/// operators are separated by spaces, a label is `label_NAME`, and `source` and `sink` are attributes of the graph.
/// Defaults (`node [...]`, `edge [...]`), subgraphs and chains of edges mean what they mean in DOT; Graphviz's own
/// attributes are passed over, HTML texts refused.
/// Errors: parse_error with the line, or with the attribute that nobody knows; limit_exceeded; those of
/// `cluster_from_json`. O(size).
[[nodiscard]] inline result<cluster> parse_cluster_dot(std::string_view text) {
    DISPART_TRY(const json document, detail::dot_cluster_reader(text).read());
    return cluster_from_json(document);
}

/// A cluster as a DOT digraph, which `parse_cluster_dot` reads back: devices and links with all their fields.
/// Operators' names have no spaces. O(size).
[[nodiscard]] inline std::string cluster_dot(const cluster& g) {
    const auto document = cluster_to_json(g);
    std::string text = "digraph " + detail::dot_text(info(g).name) + " {\n";
    for (const char* end : {"source", "sink"})
        if (document.contains(end))
            text += std::string("  ") + end + "=" + detail::dot_value(document[end]) + ";\n";
    for (const auto& each : document["devices"])
        text += "  " + detail::dot_value(each["name"]) + detail::dot_fields(each, {"name"}) + ";\n";
    for (auto each : document["links"]) {
        if (!each.contains("one_way")) each["dir"] = "both";
        text += "  " + detail::dot_value(each["from"]) + " -> " + detail::dot_value(each["to"]) +
                detail::dot_fields(each, {"from", "to", "one_way"}) + ";\n";
    }
    return text + "}\n";
}

}  // namespace dispart::io

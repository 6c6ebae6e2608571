#pragma once
/// \file
/// Checked reading of JSON: errors say which field, as a path like `devices[2].memory_bytes`; nothing throws.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "dispart/core/result.hpp"
#include "dispart/core/units.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/units.hpp"

namespace dispart::io {

/// What is read: objects sorted by key.
using json = nlohmann::json;
/// What is written: objects in the order of insertion.
using ordered_json = nlohmann::ordered_json;

struct json_limits {
    std::size_t bytes = std::size_t{256} << 20;  ///< longest text
    std::size_t depth = 64;                      ///< deepest nesting of arrays and objects
};

namespace detail {

/// Deepest nesting of brackets outside of strings.
inline std::size_t nesting(std::string_view text) {
    std::size_t depth = 0, deepest = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string && c == '\\') ++i;
        else if (c == '"') in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{')) deepest = std::max(deepest, ++depth);
        else if (!in_string && (c == ']' || c == '}') && depth > 0) --depth;
    }
    return deepest;
}

/// Notes the first key that occurs twice in one object; nlohmann's parser keeps the last one silently.
class duplicate_finder {
  public:
    bool operator()(int, json::parse_event_t what, json& parsed) {
        if (what == json::parse_event_t::object_start) keys_.emplace_back();
        if (what == json::parse_event_t::object_end) keys_.pop_back();
        if (what == json::parse_event_t::key &&
            !keys_.back().insert(parsed.get_ref<const std::string&>()).second && !found_)
            found_ = parsed.get<std::string>();
        return true;
    }
    [[nodiscard]] const std::optional<std::string>& found() const noexcept { return found_; }

  private:
    std::vector<std::set<std::string>> keys_{};
    std::optional<std::string> found_{};
};

/// Number of single-character edits that turn one word into the other. O(|a| * |b|).
/// Source: Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return row[b.size()];
}

}  // namespace detail

/// "did you mean 'x'?" for the known name closest to an unknown one, or nothing where none is close.
[[nodiscard]] inline std::string suggestion(std::string_view unknown, const std::vector<std::string>& known) {
    const std::string_view word = unknown.substr(0, 64);
    const std::string* best = nullptr;
    std::size_t least = word.size() / 2 + 1;
    for (const std::string& name : known) {
        const bool begins = word.size() >= 3 && name.starts_with(word);
        const std::size_t distance = begins ? 1 : detail::edit_distance(word, name);
        if (distance < least || (best == nullptr && distance == least)) best = &name, least = distance;
    }
    return best ? "did you mean '" + *best + "'?" : "";
}

/// Parses a JSON text. Errors: parse_error (not JSON, with the place; a key twice in one object), limit_exceeded (too
/// long or too deep); `what` is the offender, for instance a file's name. O(length).
[[nodiscard]] inline result<json> parse_json(std::string_view text, const std::string& what = "JSON",
                                             const json_limits& limits = {}) {
    if (text.size() > limits.bytes)
        return fail(errc::limit_exceeded, what,
                    "the text has more than " + std::to_string(limits.bytes) + " bytes");
    if (detail::nesting(text) > limits.depth)
        return fail(errc::limit_exceeded, what, "it is nested deeper than " + std::to_string(limits.depth));
    try {
        detail::duplicate_finder duplicates;
        json parsed = json::parse(text, std::ref(duplicates));
        if (duplicates.found())
            return fail(errc::parse_error, what,
                        "the key '" + *duplicates.found() + "' occurs twice in one object");
        return parsed;
    } catch (const std::exception& e) {
        const std::string_view reason = e.what();
        return fail(errc::parse_error, what,
                    std::string(reason.substr(std::min(reason.size(), reason.find("] ") + 2))));
    }
}

/// Reads and parses a file. Errors: those of `read_text` and `parse_json`.
[[nodiscard]] inline result<json> read_json(const std::filesystem::path& path, const json_limits& limits = {}) {
    DISPART_TRY(const std::string text, read_text(path));
    return parse_json(text, path.string(), limits);
}

/// The text of a JSON value, indented by two; bytes that are not UTF-8 are replaced.
[[nodiscard]] inline std::string json_text(const ordered_json& value) {
    return value.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

/// Writes a JSON value to a file. Errors: those of `write_text`.
[[nodiscard]] inline result<void> write_json(const std::filesystem::path& path, const ordered_json& value) {
    return write_text(path, json_text(value));
}

// --- values: each reads `value`, which stands at `path`, into `out`; error parse_error with the path as offender

[[nodiscard]] inline tl::unexpected<error> not_a(const std::string& path, const char* kind,
                                                 std::string hint = {}) {
    return fail(errc::parse_error, path, std::string("it is not ") + kind, std::move(hint));
}

[[nodiscard]] inline result<void> read_value(const json& value, const std::string& path, bool& out) {
    if (!value.is_boolean()) return not_a(path, "true or false");
    out = value.get<bool>();
    return {};
}

/// A finite number.
[[nodiscard]] inline result<void> read_value(const json& value, const std::string& path, double& out) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) return not_a(path, "a finite number");
    out = value.get<double>();
    return {};
}

/// An integer that fits the type.
template <std::integral Integer>
[[nodiscard]] result<void> read_value(const json& value, const std::string& path, Integer& out) {
    const bool fits = value.is_number_unsigned()  ? std::in_range<Integer>(value.get<std::uint64_t>())
                      : value.is_number_integer() ? std::in_range<Integer>(value.get<std::int64_t>())
                                                  : false;
    if (!fits)
        return not_a(path,
                     std::is_signed_v<Integer> ? "an integer in range" : "a non-negative integer in range");
    out = value.is_number_unsigned() ? static_cast<Integer>(value.get<std::uint64_t>())
                                     : static_cast<Integer>(value.get<std::int64_t>());
    return {};
}

[[nodiscard]] inline result<void> read_value(const json& value, const std::string& path, std::string& out) {
    if (!value.is_string()) return not_a(path, "a text");
    out = value.get<std::string>();
    return {};
}

/// A number in SI units, or a text with a unit.
template <class Unit>
[[nodiscard]] result<void> read_value(const json& value, const std::string& path, quantity<Unit>& out) {
    if (value.is_string()) {
        const auto parsed = parse_quantity<Unit>(value.get_ref<const std::string&>());
        if (!parsed)
            return fail(errc::parse_error, path,
                        "'" + parsed.error().offender + "': " + parsed.error().message, parsed.error().hint);
        out = *parsed;
        return {};
    }
    if (!value.is_number() || !std::isfinite(value.get<double>()))
        return not_a(path, "a finite number or a text with a unit", detail::unit_text<Unit>::hint);
    out = quantity<Unit>(value.get<double>());
    return {};
}

/// Calls `read(item, "path[i]") -> result<void>` for every item of an array, until one fails.
template <class Read>
[[nodiscard]] result<void> read_items(const json& value, const std::string& path, Read read) {
    if (!value.is_array()) return not_a(path, "an array");
    for (std::size_t i = 0; i < value.size(); ++i)
        DISPART_CHECK(read(value[i], path + "[" + std::to_string(i) + "]"));
    return {};
}

/// Calls `read(key, item, "path.key") -> result<void>` for every entry of an object in order of keys, until one fails.
template <class Read>
[[nodiscard]] result<void> read_entries(const json& value, const std::string& path, Read read) {
    if (!value.is_object()) return not_a(path, "an object");
    for (const auto& [key, item] : value.items()) DISPART_CHECK(read(key, item, path + "." + key));
    return {};
}

template <class T>
[[nodiscard]] result<void> read_value(const json& value, const std::string& path, std::vector<T>& out) {
    out.clear();
    return read_items(value, path, [&](const json& item, const std::string& at) -> result<void> {
        T one{};
        DISPART_CHECK(read_value(item, at, one));
        out.push_back(std::move(one));
        return {};
    });
}

template <class T>
[[nodiscard]] result<void> read_value(const json& value, const std::string& path,
                                      std::map<std::string, T>& out) {
    out.clear();
    return read_entries(value, path, [&](const std::string& key, const json& item, const std::string& at) {
        return read_value(item, at, out[key]);
    });
}

/// Reads an object field by field. The first error is kept and returned by `finish()`, which also refuses fields that
/// nobody asked for; the calls between need not be checked.
///
///     json_object in(value, "devices[2]");
///     in.get("name", d.name);
///     in.maybe("memory_bytes", d.memory);
///     DISPART_CHECK(in.finish());
class json_object {
  public:
    /// \param path where the value stands in its document; empty for the document itself
    json_object(const json& value, std::string path) : value_(value), path_(std::move(path)) {
        if (!value.is_object()) note(not_a(path_.empty() ? "the document" : path_, "an object"));
    }

    [[nodiscard]] bool has(const std::string& name) const {
        return value_.is_object() && value_.contains(name);
    }

    /// A field that must be there.
    template <class T>
    void get(const std::string& name, T& out) {
        with(name, true, [&](const json& item, const std::string& at) { return read_value(item, at, out); });
    }
    /// A field that may be missing; then `out` stays as it is.
    template <class T>
    void maybe(const std::string& name, T& out) {
        with(name, false, [&](const json& item, const std::string& at) { return read_value(item, at, out); });
    }
    /// The items of an array that may be missing: `read(item, path) -> result<void>`.
    template <class Read>
    void each(const std::string& name, Read read) {
        with(name, false, [&](const json& item, const std::string& at) { return read_items(item, at, read); });
    }
    /// The entries of an object that may be missing: `read(key, item, path) -> result<void>`.
    template <class Read>
    void entries(const std::string& name, Read read) {
        with(name, false,
             [&](const json& item, const std::string& at) { return read_entries(item, at, read); });
    }
    /// Any value: `read(item, path) -> result<void>`, called where the field is there.
    template <class Read>
    void with(const std::string& name, bool required, Read read) {
        known_.push_back(name);
        if (failed_) return;
        const std::string at = path_of(name);
        if (!value_.contains(name)) {
            if (required) note(fail(errc::parse_error, at, "the field is missing"));
        } else if (auto done = read(value_[name], at); !done) {
            note(tl::unexpected<error>(std::move(done).error()));
        }
    }
    /// Takes note of an error found elsewhere about a field.
    void refuse(const std::string& name, std::string message, std::string hint = {}) {
        note(fail(errc::parse_error, path_of(name), std::move(message), std::move(hint)));
    }

    /// The first error; where there was none, parse_error about a field that nobody asked for.
    [[nodiscard]] result<void> finish() const {
        if (failed_) return tl::unexpected<error>(*failed_);
        for (const auto& [key, item] : value_.items())
            if (std::find(known_.begin(), known_.end(), key) == known_.end())
                return fail(errc::parse_error, path_of(key), "there is no such field",
                            suggestion(key, known_));
        return {};
    }

  private:
    [[nodiscard]] std::string path_of(const std::string& name) const {
        return path_.empty() ? name : path_ + "." + name;
    }
    void note(tl::unexpected<error> wrong) {
        if (!failed_) failed_ = std::move(wrong.value());
    }

    const json& value_;
    std::string path_;
    std::vector<std::string> known_{};
    std::optional<error> failed_{};
};

}  // namespace dispart::io

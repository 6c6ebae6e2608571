#pragma once
/// \file
/// Load files (when requests arrive, how computing times vary) and fault files (what goes wrong and when).

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/core/units.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/simulate/faults.hpp"
#include "dispart/simulate/jitter.hpp"
#include "dispart/simulate/load.hpp"

namespace dispart::io {

/// A load file: `{"requests": 500, "pattern": "poisson", "rate_per_s": 8, "seed": 1,
/// "jitter": {"kind": "log_normal", "spread": 0.1}}`; bursts have `burst`, traces `times_s`.
struct load_file {
    request_load load{};
    std::optional<std::size_t> requests{};  ///< of a trace: as many as it has, where nothing is said
    jitter variation{};
    double layer_spread = 0.0;  ///< of each layer on its own, instead of the whole part's
};

namespace detail {

/// The enumerator of a name. Errors: parse_error, with the nearest name.
template <class Enum, std::size_t N>
[[nodiscard]] result<void> read_name(const json& value, const std::string& path,
                                     const std::array<std::pair<const char*, Enum>, N>& names, Enum& out) {
    std::string word;
    DISPART_CHECK(io::read_value(value, path, word));
    std::vector<std::string> known;
    for (const auto& [name, meaning] : names) {
        if (word == name) return out = meaning, result<void>{};
        known.emplace_back(name);
    }
    return fail(errc::parse_error, path, "'" + word + "' is none of the known words", suggestion(word, known));
}

inline result<void> read_value(const json& value, const std::string& path, arrival_pattern& out) {
    using enum arrival_pattern;
    return read_name<arrival_pattern, 5>(value, path,
                                         {{{"at_once", at_once},
                                           {"constant", constant},
                                           {"poisson", poisson},
                                           {"bursts", bursts},
                                           {"trace", trace}}},
                                         out);
}
inline result<void> read_value(const json& value, const std::string& path, jitter_kind& out) {
    using enum jitter_kind;
    return read_name<jitter_kind, 4>(
        value, path,
        {{{"none", none}, {"uniform", uniform}, {"log_normal", log_normal}, {"exponential", exponential}}},
        out);
}
inline result<void> read_value(const json& value, const std::string& path, fault_kind& out) {
    using enum fault_kind;
    return read_name<fault_kind, 4>(
        value, path, {{{"dies", dies}, {"stalls", stalls}, {"slows", slows}, {"degrades", degrades}}}, out);
}

/// A field that detail's own `read_value` reads.
template <class T>
void read_field(json_object& in, const std::string& name, bool required, T& out) {
    in.with(name, required,
            [&](const json& item, const std::string& at) { return detail::read_value(item, at, out); });
}

/// The targets that a name stands for: links of one name (both ways of one connection) fail together.
inline std::vector<std::size_t> named(const std::string& name, const std::vector<std::string>& all) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i] == name) found.push_back(i);
    return found;
}

inline result<void> read_fault(const json& value, const std::string& path,
                               const std::vector<std::string>& devices, const std::vector<std::string>& links,
                               std::vector<fault>& out) {
    json_object in(value, path);
    fault read;
    std::string device, link;
    seconds at{}, until{std::numeric_limits<double>::infinity()};
    read_field(in, "what", true, read.what);
    in.maybe("device", device);
    in.maybe("link", link);
    in.get("at_s", at);
    in.maybe("until_s", until);
    in.maybe("factor", read.factor);
    const bool of_link = read.what == fault_kind::degrades;
    const bool scaled = of_link || read.what == fault_kind::slows;
    if (in.has("factor") != scaled)
        in.refuse("factor", scaled ? "what slows or degrades needs a factor"
                                   : "nothing but slows and degrades has one");
    if (in.has(of_link ? "device" : "link") || !in.has(of_link ? "link" : "device"))
        in.refuse(of_link ? "link" : "device",
                  of_link ? "a link degrades" : "a device dies, stalls or slows down");
    const auto targets = of_link ? named(link, links) : named(device, devices);
    if (targets.empty())
        in.refuse(of_link ? "link" : "device", "there is none of this name",
                  suggestion(of_link ? link : device, of_link ? links : devices));
    DISPART_CHECK(in.finish());
    read.at = at.value;
    read.until = until.value;
    for (const std::size_t t : targets) {
        read.target = t;
        out.push_back(read);
    }
    return {};
}

}  // namespace detail

/// A load from its JSON form. Errors: parse_error (a field of the wrong type, unknown, or a word that is not known).
[[nodiscard]] inline result<load_file> load_from_json(const json& document) {
    load_file made;
    json_object in(document, "");
    detail::read_field(in, "pattern", true, made.load.pattern);
    in.maybe("rate_per_s", made.load.rate);
    in.maybe("burst", made.load.burst);
    in.maybe("times_s", made.load.times);
    in.maybe("seed", made.load.seed);
    made.variation.seed = made.load.seed;
    std::size_t requests = made.load.times.size();
    in.maybe("requests", requests);
    if (in.has("requests") || made.load.pattern == arrival_pattern::trace) made.requests = requests;
    in.with("jitter", false, [&](const json& item, const std::string& at) -> result<void> {
        json_object of(item, at);
        detail::read_field(of, "kind", true, made.variation.kind);
        of.maybe("spread", made.variation.spread);
        of.maybe("layer_spread", made.layer_spread);
        of.maybe("seed", made.variation.seed);
        return of.finish();
    });
    DISPART_CHECK(in.finish());
    return made;
}

/// Faults from their JSON form: `{"faults": [{"what": "dies", "device": "pi3", "at_s": 10, "until_s": 25},
/// {"what": "degrades", "link": "a -> b", "at_s": "2 s", "factor": 0.1}]}`.
/// \param devices names by id \param links names by id; a name that several links have stands for all of them
/// Errors: parse_error (a field of the wrong type, missing, unknown or out of place; a name that nobody has);
/// invalid_argument (times and factors that `validate_faults` refuses).
[[nodiscard]] inline result<std::vector<fault>> faults_from_json(const json& document,
                                                                 const std::vector<std::string>& devices,
                                                                 const std::vector<std::string>& links) {
    std::vector<fault> made;
    json_object in(document, "");
    in.each("faults", [&](const json& item, const std::string& at) {
        return detail::read_fault(item, at, devices, links, made);
    });
    DISPART_CHECK(in.finish());
    DISPART_CHECK(validate_faults(made, devices.size(), links.size()));
    return made;
}

/// Errors: those of `read_json` and `load_from_json`.
[[nodiscard]] inline result<load_file> read_load(const std::filesystem::path& path) {
    DISPART_TRY(const json document, read_json(path));
    return load_from_json(document);
}

/// Errors: those of `read_json` and `faults_from_json`.
[[nodiscard]] inline result<std::vector<fault>> read_faults(const std::filesystem::path& path,
                                                            const std::vector<std::string>& devices,
                                                            const std::vector<std::string>& links) {
    DISPART_TRY(const json document, read_json(path));
    return faults_from_json(document, devices, links);
}

}  // namespace dispart::io

#pragma once
/// \file
/// Profile files: what was measured on one kind of machine.

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "dispart/calibrate/profile.hpp"
#include "dispart/core/result.hpp"
#include "dispart/io/json/value.hpp"

namespace dispart::io {

namespace detail {

inline result<void> read_value(const json& value, const std::string& path, cost_sample& out) {
    json_object in(value, path);
    in.get("signature", out.signature);
    in.with("family", true, [&](const json& item, const std::string& at) -> result<void> {
        std::string name;
        DISPART_CHECK(io::read_value(item, at, name));
        const auto family = family_from_string(name);
        if (!family) return fail(errc::parse_error, at, "'" + name + "' is no family of operators");
        out.family = *family;
        return {};
    });
    in.get("flops", out.work.compute);
    in.get("input_bytes", out.work.input);
    in.get("output_bytes", out.work.output);
    in.get("weight_bytes", out.work.weights);
    in.get("seconds", out.measured);
    in.maybe("tail_flops", out.tail.amount);
    in.maybe("tail_operator", out.tail.op);
    return in.finish();
}

inline result<void> read_value(const json& value, const std::string& path, machine_facts& out) {
    json_object in(value, path);
    in.maybe("processor", out.processor);
    in.maybe("instruction_set", out.instruction_set);
    in.maybe("cores", out.cores);
    in.maybe("memory_bytes", out.memory);
    return in.finish();
}

inline result<void> read_value(const json& value, const std::string& path, fusion_rules& out) {
    return read_entries(
        value, path, [&](const std::string& pair, const json& item, const std::string& at) -> result<void> {
            fusion_rules::count seen;
            json_object in(item, at);
            in.get("fused", seen.fused);
            in.get("separate", seen.separate);
            DISPART_CHECK(in.finish());
            out.set(pair, seen);
            return {};
        });
}

inline ordered_json sample_to_json(const cost_sample& s) {
    ordered_json out{{"signature", s.signature},
                     {"family", std::string(to_string(s.family))},
                     {"flops", s.work.compute.value},
                     {"input_bytes", s.work.input.value},
                     {"output_bytes", s.work.output.value},
                     {"weight_bytes", s.work.weights.value},
                     {"seconds", s.measured.value}};
    if (s.tail.amount.value > 0.0) {
        out["tail_flops"] = s.tail.amount.value;
        out["tail_operator"] = s.tail.op;
    }
    return out;
}

/// Amounts of a profile are finite and not negative, or 0 where unknown.
inline result<void> check_profile(const profile& p) {
    const auto amount = [](const std::string& what, double value) -> result<void> {
        if (value >= 0.0) return {};
        return fail(errc::parse_error, what, "it is negative");
    };
    DISPART_CHECK(amount("speed_flops", p.speed.value));
    DISPART_CHECK(amount("memory_bandwidth_bytes_per_s", p.memory_bandwidth.value));
    DISPART_CHECK(amount("layer_overhead_s", p.layer_overhead.value));
    for (std::size_t i = 0; i < p.samples.size(); ++i) {
        const auto& s = p.samples[i];
        for (const double value : {s.work.compute.value, s.work.input.value, s.work.output.value,
                                   s.work.weights.value, s.measured.value, s.tail.amount.value})
            DISPART_CHECK(amount("samples[" + std::to_string(i) + "]", value));
    }
    return {};
}

}  // namespace detail

/// A profile from its JSON form. Errors: parse_error, with the field's path. O(size).
[[nodiscard]] inline result<profile> profile_from_json(const json& document) {
    profile p;
    json_object in(document, "");
    in.get("kind", p.kind);
    in.maybe("backend", p.backend);
    in.with("machine", false,
            [&](const json& item, const std::string& at) { return detail::read_value(item, at, p.machine); });
    in.maybe("speed_flops", p.speed);
    in.maybe("memory_bandwidth_bytes_per_s", p.memory_bandwidth);
    in.maybe("layer_overhead_s", p.layer_overhead);
    in.maybe("measured_at", p.measured_at);
    in.each("samples", [&](const json& item, const std::string& at) -> result<void> {
        cost_sample sample;
        DISPART_CHECK(detail::read_value(item, at, sample));
        p.samples.push_back(std::move(sample));
        return {};
    });
    in.with("fusion", false,
            [&](const json& item, const std::string& at) { return detail::read_value(item, at, p.fusion); });
    DISPART_CHECK(in.finish());
    DISPART_CHECK(detail::check_profile(p));
    return p;
}

/// A profile from a JSON text or file. Errors: those of `parse_json` or `read_json`, and of `profile_from_json`.
[[nodiscard]] inline result<profile> parse_profile(std::string_view text) {
    DISPART_TRY(const json document, parse_json(text, "profile"));
    return profile_from_json(document);
}
[[nodiscard]] inline result<profile> read_profile(const std::filesystem::path& path) {
    DISPART_TRY(const json document, read_json(path));
    return profile_from_json(document);
}

/// The JSON form of a profile.
[[nodiscard]] inline ordered_json profile_to_json(const profile& p) {
    ordered_json out{{"kind", p.kind},
                     {"backend", p.backend},
                     {"machine",
                      {{"processor", p.machine.processor},
                       {"instruction_set", p.machine.instruction_set},
                       {"cores", p.machine.cores},
                       {"memory_bytes", p.machine.memory.value}}},
                     {"speed_flops", p.speed.value},
                     {"memory_bandwidth_bytes_per_s", p.memory_bandwidth.value},
                     {"layer_overhead_s", p.layer_overhead.value},
                     {"measured_at", p.measured_at},
                     {"samples", ordered_json::array()},
                     {"fusion", ordered_json::object()}};
    for (const auto& s : p.samples) out["samples"].push_back(detail::sample_to_json(s));
    for (const auto& [pair, seen] : p.fusion.counts())
        out["fusion"][pair] = {{"fused", seen.fused}, {"separate", seen.separate}};
    return out;
}

/// Writes a profile file. Errors: those of `write_text`.
[[nodiscard]] inline result<void> write_profile(const std::filesystem::path& path, const profile& p) {
    return write_json(path, profile_to_json(p));
}

}  // namespace dispart::io

#pragma once
/// \file
/// Layer graphs as JSON: `model/1`, described by docs/schema/model.schema.json.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/detail/tensor.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/infer.hpp"
#include "dispart/model/random_weights.hpp"
#include "dispart/model/validate.hpp"

namespace dispart::io {

/// How a model's JSON is taken.
struct model_json_options {
    std::filesystem::path folder{};  ///< where the files of raw weights lie; empty: files are refused
    std::uint64_t max_drawn_bytes = std::uint64_t{8} << 30;  ///< most bytes of weights drawn from a seed
    layer_evaluator evaluator{};                             ///< computes shapes that are computed themselves
};

/// How a model's JSON is written.
struct model_json_write_options {
    std::size_t max_listed = 64;          ///< constants of more elements are not listed one by one
    std::optional<std::uint64_t> seed{};  ///< weights that are not written are to be drawn from this seed
};

namespace detail {

/// Attributes that ONNX declares as float: an integer written there is one.
[[nodiscard]] inline bool is_float_attribute(std::string_view name) {
    static constexpr std::string_view names[] = {"activation_alpha",
                                                 "activation_beta",
                                                 "alpha",
                                                 "beta",
                                                 "bias",
                                                 "clip",
                                                 "cubic_coeff_a",
                                                 "epsilon",
                                                 "gamma",
                                                 "extrapolation_value",
                                                 "high",
                                                 "lambd",
                                                 "low",
                                                 "mean",
                                                 "momentum",
                                                 "norm_coefficient",
                                                 "ratio",
                                                 "scale",
                                                 "scales",
                                                 "softcap",
                                                 "spatial_scale",
                                                 "value_float",
                                                 "value_floats"};
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

/// The alternative that a plain JSON value stands for, by ONNX's name of it; nothing where it stands for none.
[[nodiscard]] inline std::optional<std::string_view> attribute_kind(const json& value, std::string_view name) {
    const bool floating = is_float_attribute(name);
    if (value.is_number_integer()) return floating ? "float" : "int";
    if (value.is_number()) return "float";
    if (value.is_string()) return "string";
    if (!value.is_array()) return std::nullopt;
    const auto all = [&](auto is) { return std::all_of(value.begin(), value.end(), is); };
    if (all([](const json& v) { return v.is_number_integer(); })) return floating ? "floats" : "ints";
    if (all([](const json& v) { return v.is_number(); })) return "floats";
    if (all([](const json& v) { return v.is_string(); })) return "strings";
    return std::nullopt;
}

template <class T>
[[nodiscard]] result<void> read_alternative(const json& value, const std::string& path, attribute& out) {
    T read{};
    DISPART_CHECK(io::read_value(value, path, read));
    out = std::move(read);
    return {};
}

[[nodiscard]] inline result<void> read_attribute_as(std::string_view kind, const json& value,
                                                    const std::string& path, attribute& out) {
    if (kind == "int") return read_alternative<std::int64_t>(value, path, out);
    if (kind == "ints") return read_alternative<std::vector<std::int64_t>>(value, path, out);
    if (kind == "string") return read_alternative<std::string>(value, path, out);
    if (kind == "strings") return read_alternative<std::vector<std::string>>(value, path, out);
    if (kind == "float") {
        float read = 0.0F;
        DISPART_CHECK(read_element(value, path, read));
        out = read;
        return {};
    }
    if (kind == "floats") {
        std::vector<float> read;
        DISPART_CHECK(read_items(value, path, [&](const json& item, const std::string& at) {
            return read_element(item, at, read.emplace_back());
        }));
        out = std::move(read);
        return {};
    }
    if (kind == "tensor") {
        DISPART_TRY(auto read, tensor_from_json(value, path));
        out = std::move(read);
        return {};
    }
    return fail(errc::parse_error, path, "there is no such kind of attribute",
                "int, float, string, ints, floats, strings or tensor");
}

/// A plain value, or {"kind": value} where its kind must be said.
[[nodiscard]] inline result<void> read_attribute(const std::string& name, const json& value,
                                                 const std::string& path, attribute& out) {
    if (value.is_object() && value.size() == 1)
        return read_attribute_as(value.begin().key(), value.begin().value(), path, out);
    const auto kind = attribute_kind(value, name);
    if (!kind) return not_a(path, "a number, a text or a list of one of them");
    return read_attribute_as(*kind, value, path, out);
}

[[nodiscard]] inline ordered_json attribute_to_json(const std::string& name, const attribute& value) {
    static constexpr const char* kinds[] = {"int", "float", "string", "ints", "floats", "strings", "tensor"};
    auto plain = std::visit(
        []<class T>(const T& held) -> ordered_json {
            if constexpr (std::is_same_v<T, tensor>) return tensor_to_json(held);
            else if constexpr (std::is_same_v<T, float>) return element_to_json(held);
            else if constexpr (std::is_same_v<T, std::vector<float>>) {
                ordered_json list = ordered_json::array();
                for (const float x : held) list.push_back(element_to_json(x));
                return list;
            } else return held;
        },
        value);
    const std::string_view kind = kinds[value.index()];
    if (kind != "tensor" && attribute_kind(json(plain), name) == kind) return plain;
    ordered_json told;
    told[std::string(kind)] = plain;
    return told;
}

/// Names to ids, while a model is read.
class model_reader {
  public:
    explicit model_reader(const model_json_options& options) : options_(options) {}

    [[nodiscard]] result<model> read(const json& document) {
        json_object in(document, "");
        std::string format, schema, description;
        std::optional<std::uint64_t> seed;
        in.get("format", format);
        if (!format.empty() && format != "model/1") in.refuse("format", "it is not model/1");
        in.maybe("$schema", schema);
        in.maybe("description", description);
        in.maybe("name", info(made_).name);
        in.maybe("opset", info(made_).opset);
        in.with("seed", false,
                [&](const json& v, const std::string& p) { return io::read_value(v, p, seed.emplace()); });
        in.each("inputs", [&](const json& item, const std::string& at) { return take_input(item, at); });
        in.each("constants", [&](const json& item, const std::string& at) { return take_constant(item, at); });
        in.each("layers", [&](const json& item, const std::string& at) { return take_layer(item, at); });
        in.each("tensors", [&](const json& item, const std::string& at) { return describe(item, at); });
        std::vector<std::string> outputs;
        in.get("outputs", outputs);
        DISPART_CHECK(in.finish());
        if (info(made_).opset < 1) return fail(errc::parse_error, "opset", "it is not positive");
        DISPART_CHECK(resolve(outputs));
        connect(made_);
        DISPART_CHECK(validate(made_));
        DISPART_CHECK(infer_shapes(made_, options_.evaluator, {.keep_unknown = true}));
        if (seed) DISPART_CHECK(draw(*seed));
        return std::move(made_);
    }

  private:
    /// A tensor of that name. Errors: parse_error (the name is empty, or another has it).
    [[nodiscard]] result<tensor_id> add(const std::string& name, const std::string& path) {
        const tensor_id id = info(made_).tensors.size();
        if (name.empty()) return fail(errc::parse_error, path, "the name is empty");
        if (!ids_.emplace(name, id).second)
            return fail(errc::parse_error, path, "two tensors have the name '" + name + "'");
        info(made_).tensors.emplace_back().name = name;
        return id;
    }

    [[nodiscard]] result<void> take_input(const json& item, const std::string& path) {
        json_object in(item, path);
        tensor_info about;
        get_description(in, about);
        DISPART_CHECK(in.finish());
        DISPART_TRY(const auto id, add(about.name, path + ".name"));
        info(made_).tensors[id] = std::move(about);
        info(made_).inputs.push_back(id);
        return {};
    }

    [[nodiscard]] result<void> take_constant(const json& item, const std::string& path) {
        json_object in(item, path);
        tensor_info about;
        get_description(in, about);
        DISPART_CHECK(get_elements(in, about, options_.folder));
        DISPART_CHECK(in.finish());
        about.constant = true;
        DISPART_TRY(const auto id, add(about.name, path + ".name"));
        info(made_).tensors[id] = std::move(about);
        return {};
    }

    [[nodiscard]] result<void> take_layer(const json& item, const std::string& path) {
        json_object in(item, path);
        layer read;
        std::vector<std::string> inputs, outputs;
        in.get("op", read.op);
        in.maybe("name", read.name);
        in.maybe("inputs", inputs);
        in.get("outputs", outputs);
        in.entries("attributes", [&](const std::string& key, const json& value, const std::string& at) {
            return read_attribute(key, value, at, read.attrs[key]);
        });
        DISPART_CHECK(in.finish());
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            if (outputs[i].empty()) {
                read.outputs.push_back(no_id);
                continue;
            }
            DISPART_TRY(const auto id, add(outputs[i], path + ".outputs[" + std::to_string(i) + "]"));
            read.outputs.push_back(id);
        }
        if (read.name.empty() && !outputs.empty()) read.name = outputs.front();
        add_vertex(read, made_);
        operands_.push_back(std::move(inputs));
        return {};
    }

    /// What is known of a layer's result.
    [[nodiscard]] result<void> describe(const json& item, const std::string& path) {
        json_object in(item, path);
        tensor_info about;
        get_description(in, about);
        DISPART_CHECK(in.finish());
        DISPART_TRY(const auto id, find(about.name, path + ".name"));
        auto& known = info(made_).tensors[id];
        if (known.constant || known.dims)
            return fail(errc::parse_error, path + ".name", "the tensor is described twice");
        known = std::move(about);
        return {};
    }

    [[nodiscard]] result<tensor_id> find(const std::string& name, const std::string& path) const {
        const auto found = ids_.find(name);
        if (found != ids_.end()) return found->second;
        return fail(errc::parse_error, path, "no tensor has the name '" + name + "'");
    }

    [[nodiscard]] result<void> resolve(const std::vector<std::string>& outputs) {
        for (layer_id v = 0; v < operands_.size(); ++v)
            for (std::size_t i = 0; i < operands_[v].size(); ++i) {
                tensor_id id = no_id;
                if (!operands_[v][i].empty()) {
                    DISPART_TRY(id, find(operands_[v][i], "layers[" + std::to_string(v) + "].inputs[" +
                                                              std::to_string(i) + "]"));
                }
                made_[v].inputs.push_back(id);
            }
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            DISPART_TRY(const auto id, find(outputs[i], "outputs[" + std::to_string(i) + "]"));
            info(made_).outputs.push_back(id);
        }
        return {};
    }

    [[nodiscard]] result<void> draw(std::uint64_t seed) {
        double wanted = 0.0;
        for (const auto& t : info(made_).tensors)
            if (t.constant && !t.value.has_value()) wanted += t.size_bytes();
        if (wanted > static_cast<double>(options_.max_drawn_bytes))
            return fail(errc::limit_exceeded, "seed", "too many bytes of weights are to be drawn",
                        "raise model_json_options::max_drawn_bytes");
        DISPART_TRY(const auto drawn, randomize_weights(made_, seed, which_weights::absent));
        static_cast<void>(drawn);
        return {};
    }

    const model_json_options& options_;
    model made_{};
    std::map<std::string, tensor_id> ids_{};
    std::vector<std::vector<std::string>> operands_{};  ///< [layer] names
};

/// Where the elements of a constant go: nowhere, into the list, or to an offset in the file of weights.
struct weight_file {
    std::string name{};
    std::vector<std::span<const std::byte>> pieces{};
    std::uint64_t size = 0;
};

[[nodiscard]] inline ordered_json constant_to_json(const tensor_info& t, std::size_t max_listed,
                                                   weight_file* file) {
    ordered_json out = description_to_json(t);
    if (!t.value.has_value()) return out;
    if (t.value.size() <= max_listed) {
        out["values"] = elements_to_json(t.value);
    } else if (file != nullptr) {
        out["file"] = file->name;
        out["offset"] = file->size;
        file->pieces.push_back(t.value.bytes());
        file->size += t.value.size_bytes();
    }
    return out;
}

[[nodiscard]] inline ordered_json layer_to_json(const model& m, const layer& l) {
    const auto names = [&](const std::vector<tensor_id>& ids) {
        ordered_json list = ordered_json::array();
        for (const auto t : ids) list.push_back(t == no_id ? "" : info(m).tensors[t].name);
        return list;
    };
    ordered_json out{
        {"op", l.op}, {"name", l.name}, {"inputs", names(l.inputs)}, {"outputs", names(l.outputs)}};
    for (const auto& [name, value] : l.attrs) out["attributes"][name] = attribute_to_json(name, value);
    return out;
}

[[nodiscard]] inline ordered_json model_to_json(const model& m, const model_json_write_options& options,
                                                weight_file* file) {
    const auto& all = info(m);
    ordered_json out{{"format", "model/1"}, {"name", all.name}, {"opset", all.opset}};
    if (options.seed) out["seed"] = *options.seed;
    for (const char* list : {"inputs", "constants", "layers", "tensors", "outputs"})
        out[list] = ordered_json::array();
    std::vector<bool> fed(all.tensors.size(), false);
    for (const auto t : all.inputs) fed[t] = true;
    for (const auto t : all.inputs) out["inputs"].push_back(description_to_json(all.tensors[t]));
    for (layer_id v = 0; v < num_vertices(m); ++v) out["layers"].push_back(layer_to_json(m, m[v]));
    for (tensor_id t = 0; t < all.tensors.size(); ++t) {
        const tensor_info& each = all.tensors[t];
        if (each.constant) out["constants"].push_back(constant_to_json(each, options.max_listed, file));
        else if (!fed[t] && each.dims) out["tensors"].push_back(description_to_json(each));
    }
    for (const auto t : all.outputs) out["outputs"].push_back(all.tensors[t].name);
    return out;
}

}  // namespace detail

/// Whether a document is of this format.
[[nodiscard]] inline bool is_model(const json& document) {
    return document.is_object() && document.contains("format") && document["format"] == "model/1";
}

/// A model from its JSON form: layers in any order, shapes inferred; constants without values are described only, or
/// drawn by `randomize_weights` where the document has a seed. Operators that dispart does not know keep the shapes that
/// `tensors` describes.
/// Errors: parse_error (a field of the wrong type, missing or unknown, a name that nothing has, with its path);
/// invalid_argument (a file of weights without a folder); those of `read_file`, `validate` and `infer_shapes`;
/// limit_exceeded (weights to draw). O(size log size).
[[nodiscard]] inline result<model> model_from_json(const json& document,
                                                   const model_json_options& options = {}) {
    return detail::model_reader(options).read(document);
}

/// A model from a file; raw weights lie in the file's folder. Errors: those of `read_json` and `model_from_json`.
[[nodiscard]] inline result<model> read_model(const std::filesystem::path& path,
                                              model_json_options options = {}) {
    DISPART_TRY(const json document, read_json(path));
    options.folder = path.parent_path().empty() ? "." : path.parent_path();
    return model_from_json(document, options);
}

/// The JSON form of a model; constants of more than `max_listed` elements are described only. Reading it gives the same
/// layers, names, shapes and listed constants, in the same order where the model has an order of its own.
[[nodiscard]] inline ordered_json model_to_json(const model& m, const model_json_write_options& options = {}) {
    return detail::model_to_json(m, options, nullptr);
}

/// Writes a model, and beside it the elements of its large constants: raw, little-endian, in NAME.weights.
/// Errors: those of `write_text` and `write_file`.
[[nodiscard]] inline result<void> write_model(const std::filesystem::path& path, const model& m,
                                              const model_json_write_options& options = {}) {
    detail::weight_file file{.name = path.stem().string() + ".weights"};
    const auto document = detail::model_to_json(m, options, &file);
    if (file.size > 0) DISPART_CHECK(write_file(path.parent_path() / file.name, file.pieces));
    return write_json(path, document);
}

}  // namespace dispart::io

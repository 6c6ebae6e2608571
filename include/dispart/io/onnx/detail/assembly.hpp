#pragma once
/// \file
/// A layer graph while a file is read: its tensors by name, its layers, and the sequences that no layer sees.

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dispart/io/onnx/detail/attributes.hpp"
#include "dispart/io/onnx/detail/external_data.hpp"
#include "dispart/io/onnx/detail/inputs.hpp"
#include "dispart/io/onnx/detail/known_values.hpp"
#include "dispart/io/onnx/detail/names.hpp"
#include "dispart/io/onnx/detail/parse.hpp"
#include "dispart/io/onnx/detail/unsupported.hpp"
#include "dispart/io/onnx/options.hpp"
#include "dispart/io/onnx/tensor_proto.hpp"
#include "dispart/model/graph.hpp"

namespace dispart::io::detail {

/// What every part of the importer adds tensors and layers with. Errors and exceptions: as `read_onnx` and wire_reader.
class onnx_assembly {
  protected:
    onnx_assembly(const onnx_options& options, wire_state& state)
        : options_(options)
        , state_(state)
        , files_(options.folder) {}

    using targets = std::unordered_map<std::string_view, std::vector<tensor_id>>;

    static constexpr std::size_t most_turns = 4096;
    /// Bytes of nodes in functions and branches, counted once for each time that they are inlined.
    static constexpr std::size_t most_inlined_bytes = std::size_t{1} << 28;

    // Tensors.

    [[nodiscard]] result<tensor_id> declare(std::string_view name, name_scope& scope, tensor_info made) {
        made.name = tensor_names_.make(scope.prefix + std::string(name));
        const tensor_id t = info(graph_).tensors.size();
        if (!scope.ids.emplace(name, t).second)
            return fail(errc::invalid_model, std::string(name), "two tensors have this name");
        info(graph_).tensors.push_back(std::move(made));
        return t;
    }

    [[nodiscard]] result<tensor_id> resolve(std::string_view name, const name_scope& scope,
                                            const std::string& user) const {
        if (const auto t = scope.find(name)) return *t;
        return fail(errc::invalid_model, user, "'" + std::string(name) + "' is produced by nobody");
    }

    [[nodiscard]] result<std::vector<tensor_id>>
    ids_of(std::span<const std::string_view> names, const name_scope& scope, const std::string& user) const {
        std::vector<tensor_id> ids;
        ids.reserve(names.size());
        for (const auto name : names) {
            if (name.empty()) {
                ids.push_back(no_id);
                continue;
            }
            DISPART_TRY(const auto t, resolve(name, scope, user));
            ids.push_back(t);
        }
        return ids;
    }

    /// Gives every result of the nodes an id; those in `wanted` take the first id that stands there.
    [[nodiscard]] result<void> declare_results(std::span<const node_proto> nodes, name_scope& scope,
                                               targets& wanted) {
        for (const auto& node : nodes)
            for (const auto name : node.outputs) {
                if (name.empty()) continue;
                if (const auto at = wanted.find(name); at != wanted.end() && !at->second.empty()) {
                    if (!scope.ids.emplace(name, at->second.front()).second)
                        return fail(errc::invalid_model, std::string(name), "two tensors have this name");
                    at->second.erase(at->second.begin());
                } else {
                    DISPART_CHECK(declare(name, scope, {}));
                }
            }
        return {};
    }

    void make_constant(tensor_id t, tensor value) {
        auto& about = info(graph_).tensors[t];
        about.type = value.type();
        about.dims = value.dims();
        about.constant = true;
        about.value = std::move(value);
    }

    /// A tensor that the file does not name.
    [[nodiscard]] tensor_id made_tensor(const std::string& name) {
        info(graph_).tensors.push_back({.name = tensor_names_.make(name)});
        return info(graph_).tensors.size() - 1;
    }

    [[nodiscard]] tensor_id made_constant(const std::string& name, tensor value) {
        const tensor_id t = made_tensor(name);
        make_constant(t, std::move(value));
        return t;
    }

    [[nodiscard]] result<void> add_initializers(const graph_proto& graph, name_scope& scope) {
        for (const auto encoded : graph.initializers) {
            const wire_reader message(encoded, state_);
            auto header = parse_tensor_header(message);
            const std::string name(header.name);
            DISPART_CHECK(check_extents(name, header.dims));
            DISPART_TRY(const auto t, declare(header.name, scope, {}));
            const bool has_elements = header.has_raw || header.is_external || header.encoded_bytes > 0;
            if (weightless_ && !has_elements) {
                DISPART_TRY(const auto type, tensor_type(header, name));
                auto& about = info(graph_).tensors[t];
                about.type = type, about.dims = std::move(header.dims), about.constant = true;
                continue;
            }
            DISPART_TRY(auto value, decode_tensor(message, std::move(header), name, files_));
            make_constant(t, std::move(value));
        }
        return {};
    }

    // Layers.

    [[nodiscard]] result<attributes> attributes_of(std::span<const std::string_view> encoded,
                                                   const name_scope& scope, const std::string& owner) {
        return attribute_reader(state_, files_, scope.arguments).read(encoded, owner);
    }

    void append(layer made) { graph_[add_vertex(graph_)] = std::move(made); }

    void add_identity(tensor_id from, tensor_id to, const std::string& name) {
        if (const auto list = sequences_.find(from); list != sequences_.end()) {
            sequences_[to] = list->second;
            return;
        }
        append({.name = layer_names_.make(name), .op = "Identity", .inputs = {from}, .outputs = {to}});
    }

    /// What every turn gave, one after the other along a new axis.
    void add_stack(std::vector<tensor_id> turns, tensor_id to, std::int64_t axis, const std::string& name) {
        const std::vector<std::int64_t> axes{axis};
        const bool as_operand = info(graph_).opset >= 13;
        const auto operand =
            as_operand ? made_constant(name + "/axes", tensor::of<std::int64_t>({1}, axes)) : no_id;
        for (auto& each : turns) {
            const tensor_id longer = made_tensor(name + "/element");
            layer unsqueeze{
                .name = layer_names_.make(name), .op = "Unsqueeze", .inputs = {each}, .outputs = {longer}};
            if (as_operand) unsqueeze.inputs.push_back(operand);
            else unsqueeze.attrs = {{"axes", axes}};
            append(std::move(unsqueeze));
            each = longer;
        }
        append({.name = layer_names_.make(name),
                .op = "Concat",
                .inputs = std::move(turns),
                .outputs = {to},
                .attrs = {{"axis", axis}}});
    }

    // Elements of a tensor.

    /// A sequence that a Scan goes through.
    struct scanned {
        tensor_id sequence = no_id;
        std::int64_t axis = 0;
        std::int64_t length = 0;
        bool backward = false;
    };

    /// The element of a turn, without the axis.
    [[nodiscard]] tensor_id add_element(const scanned& from, std::int64_t turn, const std::string& name) {
        const std::int64_t place = from.backward ? from.length - 1 - turn : turn;
        const auto index = made_constant(name + "/index", tensor::of<std::int64_t>({}, std::array{place}));
        const auto element = made_tensor(name + "/element");
        append({.name = layer_names_.make(name),
                .op = "Gather",
                .inputs = {from.sequence, index},
                .outputs = {element},
                .attrs = {{"axis", from.axis}}});
        return element;
    }

    /// Several elements along the axis.
    [[nodiscard]] tensor_id add_slice(const scanned& from, std::int64_t first, std::int64_t count,
                                      const std::string& name) {
        std::vector<std::int64_t> places(static_cast<std::size_t>(count));
        std::iota(places.begin(), places.end(), first);
        const auto slice = made_tensor(name + "/element");
        append({.name = layer_names_.make(name),
                .op = "Gather",
                .inputs = {from.sequence,
                           made_constant(name + "/index", tensor::of<std::int64_t>({count}, places))},
                .outputs = {slice},
                .attrs = {{"axis", from.axis}}});
        return slice;
    }

    const onnx_options& options_;
    wire_state& state_;
    external_data files_;
    bool weightless_ = false;
    model graph_{};
    unique_names tensor_names_{};
    unique_names layer_names_{};
    known_values known_{};
    std::unordered_map<tensor_id, std::vector<tensor_id>> sequences_{};
    unsupported_list unsupported_{};
    std::size_t inlined_bytes_ = 0;
};

}  // namespace dispart::io::detail

#pragma once
/// \file
/// From ONNX's messages to a layer graph: names resolved, constants decoded, functions and decided branches inlined,
/// loops of a known number of turns unrolled, sequences followed.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
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
#include "dispart/model/onnx_types.hpp"
#include "dispart/model/operators.hpp"

namespace dispart::io::detail {

/// Builds one model. Errors and exceptions: as `read_onnx` and wire_reader.
class onnx_importer {
  public:
    onnx_importer(const onnx_options& options, wire_state& state)
        : options_(options)
        , state_(state)
        , files_(options.folder) {}

    /// The model as the file has it: connected, not yet validated; shapes of inputs and constants are set, and of the
    /// others where the file tells them.
    [[nodiscard]] result<model> run(const model_proto& file) {
        weightless_ = file.weightless;
        if (!file.graph) return fail(errc::parse_error, "ModelProto", "not an ONNX model: it has no graph");
        DISPART_TRY(info(graph_).opset, opset_of(file));
        for (const auto& function : file.functions)
            functions_.try_emplace({function.domain, function.name}, &function);
        const auto graph = parse_graph({*file.graph, state_});
        info(graph_).name = graph.name.empty() ? "graph" : std::string(graph.name);
        DISPART_CHECK(add_main_graph(graph));
        DISPART_CHECK(unsupported_.check());
        return std::move(graph_);
    }

    /// After `run`: the inputs whose extents the file leaves open and no option states; empty where there are none.
    [[nodiscard]] const std::string& open_inputs() const { return open_inputs_; }

  private:
    using targets = std::unordered_map<std::string_view, std::vector<tensor_id>>;

    static constexpr std::size_t most_nested = 32;
    static constexpr std::size_t most_turns = 4096;
    static constexpr std::int64_t most_split = std::int64_t{1}
                                               << 20;  ///< extent of what is split into a sequence
    /// Bytes of nodes in functions and branches, counted once for each time that they are inlined.
    static constexpr std::size_t most_inlined_bytes = std::size_t{1} << 28;

    [[nodiscard]] static result<std::int64_t> opset_of(const model_proto& file) {
        const auto version = standard_opset(file.opsets);
        if (version > 0) return version;
        if (version < 0) return fail(errc::parse_error, "opset_import", "a version is not positive");
        if (file.ir_version < 3) return 1;  // opset_import came with IR version 3
        return fail(errc::unsupported, "opset_import",
                    "the model uses no standard operators (domain ai.onnx)");
    }

    [[nodiscard]] result<void> add_main_graph(const graph_proto& graph) {
        name_scope scope;
        if (graph.sparse_initializers > 0) unsupported_.add("sparse initialisers", info(graph_).name);
        DISPART_CHECK(add_initializers(graph, scope));
        DISPART_CHECK(add_inputs(graph, scope));
        targets none;
        DISPART_CHECK(declare_results(graph.nodes, scope, none));
        if (!options_.infer && !options_.simplify)
            believe(graph.values, scope), believe(graph.outputs, scope);
        DISPART_CHECK(add_nodes(graph.nodes, scope));
        for (const auto& output : graph.outputs) {
            DISPART_TRY(const auto t, resolve(output.name, scope, info(graph_).name));
            if (sequences_.contains(t)) unsupported_.add("a sequence as output", std::string(output.name));
            info(graph_).outputs.push_back(t);
        }
        return {};
    }

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

    void make_constant(tensor_id t, tensor value) {
        auto& about = info(graph_).tensors[t];
        about.type = value.type();
        about.dims = value.dims();
        about.constant = true;
        about.value = std::move(value);
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

    /// A value that was given for an input, as the input's type. Errors: invalid_argument.
    [[nodiscard]] result<tensor> as_type(const std::string& name, const tensor& value, dtype type) const {
        if (value.has_value() && value.type() == type) return value;
        if (value.has_value() && options_.evaluator) {
            const layer cast{name, "Cast", {}, {}, {{"to", onnx_number(type)}}};
            if (auto made = options_.evaluator(cast, std::span(&value, 1), info(graph_).opset))
                return std::move(made->front());
        }
        return fail(errc::invalid_argument, name, "the value's type is not the input's");
    }

    /// Up to IR version 3 every initialiser is listed as an input too: its value stands.
    [[nodiscard]] result<void> add_inputs(const graph_proto& graph, name_scope& scope) {
        std::vector<value_proto> fed;
        for (const auto& input : graph.inputs)
            if (const auto t = scope.find(input.name); !t || !info(graph_).tensors[*t].constant)
                fed.push_back(input);
        input_shapes shapes(options_, fed);
        for (const auto& input : fed) {
            DISPART_TRY(auto made, shapes.describe(input));
            const auto type = made.type;
            DISPART_TRY(const auto t, declare(input.name, scope, std::move(made)));
            const auto given = options_.input_values.find(input.name);
            if (given == options_.input_values.end()) {
                info(graph_).inputs.push_back(t);
            } else {
                DISPART_TRY(auto value, as_type(given->first, given->second, type));
                make_constant(t, std::move(value));
            }
        }
        open_inputs_ = shapes.open();
        return shapes.check_all_used();
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

    /// Takes types and shapes as the file tells them, where they are complete.
    void believe(std::span<const value_proto> values, const name_scope& scope) {
        for (const auto& value : values) {
            const auto t = scope.find(value.name);
            const auto type = dtype_from_onnx(value.element_type);
            if (!t || !type || !value.dims || info(graph_).tensors[*t].dims) continue;
            shape dims;
            for (const auto& dim : *value.dims) dims.push_back(dim.extent.value_or(-1));
            if (!check_extents({}, dims)) continue;
            info(graph_).tensors[*t].type = *type;
            info(graph_).tensors[*t].dims = std::move(dims);
        }
    }

    // Nodes.

    [[nodiscard]] result<void> add_nodes(std::span<const node_proto> nodes, name_scope& scope) {
        for (const auto& node : nodes) DISPART_CHECK(add_node(node, scope));
        return {};
    }

    [[nodiscard]] std::string title(const node_proto& node, const name_scope& scope) const {
        if (!node.name.empty()) return scope.prefix + std::string(node.name);
        for (const auto output : node.outputs)
            if (!output.empty()) return scope.prefix + std::string(output);
        return scope.prefix + std::string(node.op);
    }

    [[nodiscard]] result<void> add_node(const node_proto& node, name_scope& scope) {
        const auto name = title(node, scope);
        if (node.op.empty()) return fail(errc::invalid_model, name, "the node has no operator");
        const bool native = is_standard(node.domain) && find_operator(node.op) != nullptr;
        const auto function = functions_.find({node.domain, node.op});
        if (!native && function != functions_.end())
            return inline_function(node, *function->second, scope, name);
        if (is_standard(node.domain) && node.op == "Constant") return add_constant(node, scope, name);
        if (is_standard(node.domain) && node.op == "If") return inline_branch(node, scope, name);
        if (is_standard(node.domain) && node.op == "Loop") return unroll_loop(node, scope, name);
        if (is_standard(node.domain) && node.op == "Scan") return unroll_scan(node, scope, name);
        if (is_standard(node.domain) && is_about_sequences(node, scope))
            return follow_sequence(node, scope, name);
        if (!native) {
            unsupported_.add("operator " + std::string(node.op) +
                                 (is_standard(node.domain) ? "" : " of domain " + std::string(node.domain)),
                             name);
            return {};
        }
        return add_layer(node, scope, name);
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

    [[nodiscard]] result<attributes> attributes_of(std::span<const std::string_view> encoded,
                                                   const name_scope& scope, const std::string& owner) {
        return attribute_reader(state_, files_, scope.arguments).read(encoded, owner);
    }

    void append(layer made) { graph_[add_vertex(graph_)] = std::move(made); }

    [[nodiscard]] result<void> add_layer(const node_proto& node, const name_scope& scope,
                                         const std::string& name) {
        layer made{.name = layer_names_.make(name), .op = std::string(node.op)};
        DISPART_TRY(made.inputs, ids_of(node.inputs, scope, name));
        for (const tensor_id t : made.inputs)
            if (sequences_.contains(t)) unsupported_.add("operator " + made.op + " on a sequence", name);
        DISPART_TRY(made.outputs, ids_of(node.outputs, scope, name));
        DISPART_TRY(made.attrs, attributes_of(node.attributes, scope, name));
        append(std::move(made));
        return {};
    }

    [[nodiscard]] result<void> add_constant(const node_proto& node, const name_scope& scope,
                                            const std::string& name) {
        DISPART_TRY(const auto ids, ids_of(node.outputs, scope, name));
        DISPART_TRY(const auto attrs, attributes_of(node.attributes, scope, name));
        DISPART_TRY(auto value, constant_value(attrs, name));
        DISPART_CHECK(check_extents(name, value.dims()));
        if (ids.size() != 1 || ids[0] == no_id)
            return fail(errc::invalid_model, name, "a Constant has one result");
        make_constant(ids[0], std::move(value));
        return {};
    }

    // Inlining.

    /// Counts the bytes of what is inlined once more, and one level of nesting.
    [[nodiscard]] result<name_scope> enter(const name_scope& outer, std::span<const node_proto> nodes,
                                           const std::string& name) {
        for (const auto& node : nodes) {
            inlined_bytes_ += 1024;  // a layer takes about as much
            for (const auto encoded : node.attributes) inlined_bytes_ += encoded.size();
        }
        if (outer.depth == most_nested)
            return fail(errc::limit_exceeded, name, "functions and branches are nested too deeply");
        if (inlined_bytes_ > most_inlined_bytes)
            return fail(errc::limit_exceeded, name, "functions and branches become too large when inlined");
        name_scope inner;
        inner.prefix = name + "/";
        inner.depth = outer.depth + 1;
        return inner;
    }

    /// Adds the nodes such that the results named `outputs` become the tensors `results`.
    [[nodiscard]] result<void> inline_nodes(std::span<const node_proto> nodes,
                                            std::span<const std::string_view> outputs,
                                            std::span<const tensor_id> results, name_scope& scope,
                                            const std::string& name) {
        if (outputs.size() < results.size())
            return fail(errc::invalid_model, name, "it gives fewer results than the node has");
        targets wanted;
        for (std::size_t i = 0; i < results.size(); ++i)
            if (results[i] != no_id) wanted[outputs[i]].push_back(results[i]);
        DISPART_CHECK(declare_results(nodes, scope, wanted));
        DISPART_CHECK(add_nodes(nodes, scope));
        for (std::size_t i = 0; i < results.size(); ++i) {
            const auto& left = wanted[outputs[i]];
            if (std::find(left.begin(), left.end(), results[i]) == left.end()) continue;
            DISPART_TRY(const auto from, resolve(outputs[i], scope, name));
            add_identity(from, results[i], name);
        }
        return {};
    }

    void add_identity(tensor_id from, tensor_id to, const std::string& name) {
        if (const auto list = sequences_.find(from); list != sequences_.end()) {
            sequences_[to] = list->second;
            return;
        }
        append({.name = layer_names_.make(name), .op = "Identity", .inputs = {from}, .outputs = {to}});
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

    [[nodiscard]] result<void> inline_function(const node_proto& node, const function_proto& function,
                                               const name_scope& scope, const std::string& name) {
        const auto version = standard_opset(function.opsets);
        if (version != 0 && version != info(graph_).opset) {
            unsupported_.add("function " + std::string(function.name) + " of another opset than the model's",
                             name);
            return {};
        }
        DISPART_TRY(const auto operands, ids_of(node.inputs, scope, name));
        DISPART_TRY(const auto results, ids_of(node.outputs, scope, name));
        DISPART_TRY(auto arguments, attributes_of(node.attributes, scope, name));
        DISPART_TRY(auto defaults, attributes_of(function.defaults, {}, name));
        arguments.merge(defaults);
        if (operands.size() > function.inputs.size())
            return fail(errc::invalid_model, name,
                        "more operands than the function " + std::string(function.name) + " takes");
        DISPART_TRY(auto body, enter(scope, function.nodes, name));
        body.arguments = &arguments;
        for (std::size_t i = 0; i < function.inputs.size(); ++i)
            body.ids.emplace(function.inputs[i], i < operands.size() ? operands[i] : no_id);
        return inline_nodes(function.nodes, function.outputs, results, body, name);
    }

    [[nodiscard]] result<void> inline_branch(const node_proto& node, const name_scope& scope,
                                             const std::string& name) {
        DISPART_TRY(const auto operands, ids_of(node.inputs, scope, name));
        DISPART_TRY(const auto results, ids_of(node.outputs, scope, name));
        if (operands.size() != 1 || operands[0] == no_id)
            return fail(errc::invalid_model, name, "an If has one operand");
        const auto chosen = known_.condition(graph_, operands[0], options_.evaluator);
        if (chosen)
            return inline_one_branch(node, *chosen ? "then_branch" : "else_branch", scope, name, results);
        return inline_both_branches(node, operands[0], scope, name, results);
    }

    [[nodiscard]] result<void> inline_one_branch(const node_proto& node, std::string_view which,
                                                 const name_scope& scope, const std::string& name,
                                                 std::span<const tensor_id> results) {
        const auto encoded = graph_attribute(node.attributes, which, state_);
        if (!encoded) return fail(errc::invalid_model, name, "the If lacks a branch");
        const auto branch = parse_graph({*encoded, state_});
        DISPART_TRY(auto inner, enter(scope, branch.nodes, name));
        inner.outer = &scope;
        inner.arguments = scope.arguments;
        DISPART_CHECK(add_initializers(branch, inner));
        std::vector<std::string_view> outputs;
        for (const auto& output : branch.outputs) outputs.push_back(output.name);
        return inline_nodes(branch.nodes, outputs, results, inner, name);
    }

    /// An If that only a request decides: ONNX's operators have no effects, so both branches are computed and Where
    /// chooses, which needs results of one shape.
    [[nodiscard]] result<void> inline_both_branches(const node_proto& node, tensor_id condition,
                                                    const name_scope& scope, const std::string& name,
                                                    std::span<const tensor_id> results) {
        std::vector<tensor_id> taken[2];
        for (const std::size_t side : {0U, 1U}) {
            for (const auto t : results) {
                taken[side].push_back(
                    t == no_id ? no_id
                               : made_tensor(info(graph_).tensors[t].name + (side == 0 ? "/then" : "/else")));
            }
            DISPART_CHECK(
                inline_one_branch(node, side == 0 ? "then_branch" : "else_branch", scope, name, taken[side]));
        }
        if (!unsupported_.empty()) return {};
        for (std::size_t i = 0; i < results.size(); ++i) {
            if (results[i] == no_id) continue;
            if (!known_.interchangeable(graph_, condition, taken[0][i], taken[1][i], options_.evaluator)) {
                unsupported_.add(
                    "operator If whose condition is not constant and whose branches' shapes differ or "
                    "are unknown; give the input that decides it a value (onnx_options::input_values)",
                    name);
                return {};
            }
            append({.name = layer_names_.make(name),
                    .op = "Where",
                    .inputs = {condition, taken[0][i], taken[1][i]},
                    .outputs = {results[i]}});
        }
        return {};
    }

    // Unrolling.

    /// The body of a Loop or Scan. Its initialisers are added once, and seen by every turn.
    struct repeated_body {
        graph_proto graph{};
        name_scope shared{};
        std::size_t turns = 0;  ///< so far
    };

    [[nodiscard]] result<repeated_body> body_of(const node_proto& node, const name_scope& scope,
                                                const std::string& name) {
        const auto encoded = graph_attribute(node.attributes, "body", state_);
        if (!encoded) return fail(errc::invalid_model, name, "it lacks a body");
        repeated_body body{.graph = parse_graph({*encoded, state_})};
        DISPART_TRY(body.shared, enter(scope, {}, name));
        body.shared.outer = &scope;
        body.shared.arguments = scope.arguments;
        DISPART_CHECK(add_initializers(body.graph, body.shared));
        return body;
    }

    /// Adds the body's nodes once more, its inputs being those tensors; gives its outputs.
    [[nodiscard]] result<std::vector<tensor_id>> add_turn(repeated_body& body,
                                                          std::span<const tensor_id> inputs) {
        const auto title = body.shared.prefix + std::to_string(body.turns++);
        inlined_bytes_ += 1024;
        if (body.turns > most_turns) return fail(errc::limit_exceeded, title, "the loop has too many turns");
        DISPART_TRY(auto inner, enter(body.shared, body.graph.nodes, title));
        inner.outer = &body.shared;
        inner.arguments = body.shared.arguments;
        for (std::size_t i = 0; i < inputs.size(); ++i)
            if (!inner.ids.emplace(body.graph.inputs[i].name, inputs[i]).second)
                return fail(errc::invalid_model, title, "two inputs of the body have one name");
        targets none;
        DISPART_CHECK(declare_results(body.graph.nodes, inner, none));
        DISPART_CHECK(add_nodes(body.graph.nodes, inner));
        std::vector<tensor_id> outputs;
        for (const auto& output : body.graph.outputs) {
            DISPART_TRY(const auto t, resolve(output.name, inner, title));
            outputs.push_back(t);
        }
        return outputs;
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

    /// A Loop whose number of turns is known while the file is read. Each turn takes what the one before gave.
    [[nodiscard]] result<void> unroll_loop(const node_proto& node, const name_scope& scope,
                                           const std::string& name) {
        DISPART_TRY(auto operands, ids_of(node.inputs, scope, name));
        DISPART_TRY(const auto results, ids_of(node.outputs, scope, name));
        DISPART_TRY(auto body, body_of(node, scope, name));
        const std::size_t inputs = body.graph.inputs.size(), outputs = body.graph.outputs.size();
        if (operands.size() < 2 || operands.size() != inputs || outputs + 1 < inputs ||
            results.size() + 1 > outputs)
            return fail(errc::invalid_model, name, "the body's inputs and outputs are not those of the Loop");
        const std::size_t carried = inputs - 2;
        std::vector<std::vector<tensor_id>> elements(outputs - 1);
        std::optional<std::int64_t> most = std::numeric_limits<std::int64_t>::max();
        if (operands[0] != no_id) most = known_.integer(graph_, operands[0], options_.evaluator);
        for (std::int64_t turn = 0;; ++turn) {
            std::optional<bool> goes_on = true;
            if (operands[1] != no_id) goes_on = known_.condition(graph_, operands[1], options_.evaluator);
            if (!unsupported_.empty()) return {};
            if (!most || !goes_on) {
                unsupported_.add("operator Loop whose number of turns is not constant", name);
                return {};
            }
            if (turn >= *most || !*goes_on) break;
            if (operands[1] == no_id)
                operands[1] = made_constant(name + "/condition", tensor::of<bool>({}, std::array{true}));
            operands[0] = made_constant(name + "/turn", tensor::of<std::int64_t>({}, std::array{turn}));
            DISPART_TRY(const auto made, add_turn(body, operands));
            std::copy_n(made.begin(), carried + 1, operands.begin() + 1);
            for (std::size_t i = carried; i + 1 < outputs; ++i) elements[i].push_back(made[i + 1]);
        }
        for (std::size_t i = 0; i < results.size(); ++i) {
            if (results[i] == no_id) continue;
            if (i < carried) add_identity(operands[i + 2], results[i], name);
            else if (!elements[i].empty()) add_stack(std::move(elements[i]), results[i], 0, name);
            else unsupported_.add("operator Loop that has no turn to stack results of", name);
        }
        return {};
    }

    /// A Scan over extents that are known while the file is read: an element of each sequence a turn.
    [[nodiscard]] result<void> unroll_scan(const node_proto& node, const name_scope& scope,
                                           const std::string& name) {
        if (info(graph_).opset < 9) {
            unsupported_.add("operator Scan before opset 9", name);
            return {};
        }
        DISPART_TRY(const auto operands, ids_of(node.inputs, scope, name));
        DISPART_TRY(const auto results, ids_of(node.outputs, scope, name));
        DISPART_TRY(auto body, body_of(node, scope, name));
        DISPART_TRY(const auto how, scan_attributes(node, name));
        const std::size_t outputs = body.graph.outputs.size();
        const auto sequences = get_or<std::int64_t>(how, "num_scan_inputs", 0);
        if (sequences < 1 || static_cast<std::size_t>(sequences) > operands.size() ||
            operands.size() != body.graph.inputs.size() || results.size() != outputs ||
            std::count(operands.begin(), operands.end(), no_id) > 0)
            return fail(errc::invalid_model, name, "the body's inputs and outputs are not those of the Scan");
        const std::size_t carried = operands.size() - static_cast<std::size_t>(sequences);
        if (outputs < carried) return fail(errc::invalid_model, name, "the body gives too few results");
        const auto of_each = [&](const char* attribute, std::size_t i) {
            const auto list = get_or<std::vector<std::int64_t>>(how, attribute, {});
            return i < list.size() ? list[i] : 0;
        };
        std::vector<scanned> over;
        for (std::size_t i = carried; i < operands.size(); ++i) {
            const auto dims = known_.dims(graph_, operands[i], options_.evaluator);
            if (!unsupported_.empty()) return {};
            if (!dims) {
                unsupported_.add("operator Scan over a sequence of unknown length", name);
                return {};
            }
            const auto axis =
                dispart::detail::normal_axis(of_each("scan_input_axes", i - carried), dims->size());
            if (!axis) return fail(errc::invalid_model, name, "a scan axis that the operand does not have");
            over.push_back({operands[i], static_cast<std::int64_t>(*axis), (*dims)[*axis],
                            of_each("scan_input_directions", i - carried) == 1});
            if (over.back().length != over.front().length)
                return fail(errc::shape_mismatch, name, "the sequences differ in length");
        }
        std::vector<tensor_id> state(operands.begin(),
                                     operands.begin() + static_cast<std::ptrdiff_t>(carried));
        std::vector<std::vector<tensor_id>> elements(outputs);
        for (std::int64_t turn = 0; turn < over.front().length; ++turn) {
            auto inputs = state;
            for (const auto& each : over) inputs.push_back(add_element(each, turn, name));
            DISPART_TRY(const auto made, add_turn(body, inputs));
            std::copy_n(made.begin(), carried, state.begin());
            for (std::size_t i = carried; i < outputs; ++i) elements[i].push_back(made[i]);
        }
        for (std::size_t i = 0; i < outputs; ++i) {
            if (results[i] == no_id) continue;
            if (i < carried) {
                add_identity(state[i], results[i], name);
                continue;
            }
            if (of_each("scan_output_directions", i - carried) == 1)
                std::reverse(elements[i].begin(), elements[i].end());
            if (elements[i].empty()) unsupported_.add("operator Scan over nothing", name);
            else
                add_stack(std::move(elements[i]), results[i], of_each("scan_output_axes", i - carried), name);
        }
        return {};
    }

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

    /// A Scan's attributes without its body. Errors: those of attributes_of.
    [[nodiscard]] result<attributes> scan_attributes(const node_proto& node, const std::string& name) {
        std::vector<std::string_view> plain;
        for (const auto encoded : node.attributes)
            if (parse_attribute({encoded, state_}).type != attribute_type::graph) plain.push_back(encoded);
        return attributes_of(plain, {}, name);
    }

    // Sequences: lists of tensors that are followed while the file is read, so that no layer ever sees one.

    [[nodiscard]] bool is_about_sequences(const node_proto& node, const name_scope& scope) const {
        if (node.op == "Identity" && node.inputs.size() == 1) {
            const auto t = scope.find(node.inputs[0]);
            return t && sequences_.contains(*t);
        }
        static constexpr std::array<std::string_view, 8> known{
            "SequenceEmpty",  "SequenceConstruct", "SequenceInsert",     "SequenceErase",
            "SequenceLength", "SequenceAt",        "ConcatFromSequence", "SplitToSequence"};
        return std::find(known.begin(), known.end(), node.op) != known.end();
    }

    [[nodiscard]] result<void> follow_sequence(const node_proto& node, const name_scope& scope,
                                               const std::string& name) {
        DISPART_TRY(const auto operands, ids_of(node.inputs, scope, name));
        DISPART_TRY(const auto results, ids_of(node.outputs, scope, name));
        DISPART_TRY(const auto attrs, attributes_of(node.attributes, scope, name));
        if (results.size() != 1 || results[0] == no_id)
            return fail(errc::invalid_model, name, "it has one result");
        if (node.op == "SplitToSequence") return split_to_sequence(operands, attrs, results[0], name);
        std::vector<tensor_id> list;
        if (node.op == "SequenceConstruct") list = operands;
        else if (node.op != "SequenceEmpty") {
            const auto at = operands.empty() ? sequences_.end() : sequences_.find(operands[0]);
            if (at == sequences_.end() && !unsupported_.empty()) return {};
            if (at == sequences_.end()) return fail(errc::invalid_model, name, "its operand is no sequence");
            list = at->second;
        }
        if (node.op == "SequenceLength") {
            make_constant(results[0],
                          tensor::of<std::int64_t>({}, std::array{static_cast<std::int64_t>(list.size())}));
            return {};
        }
        if (node.op == "ConcatFromSequence") return join(std::move(list), attrs, results[0], name);
        const bool inserts = node.op == "SequenceInsert";
        if (inserts && operands.size() < 2)
            return fail(errc::invalid_model, name, "it lacks a tensor to insert");
        if (inserts || node.op == "SequenceErase" || node.op == "SequenceAt") {
            DISPART_TRY(const auto place, place_in(list.size(), inserts, operands, name));
            if (!place) return {};
            const auto at = list.begin() + static_cast<std::ptrdiff_t>(*place);
            if (node.op == "SequenceAt") return add_identity(*at, results[0], name), result<void>{};
            if (inserts) list.insert(at, operands[1]);
            else list.erase(at);
        }
        if (std::any_of(list.begin(), list.end(),
                        [&](tensor_id t) { return t == no_id || sequences_.contains(t); }))
            return fail(errc::invalid_model, name, "an element is no tensor");
        return keep_sequence(results[0], std::move(list), name);
    }

    [[nodiscard]] result<void> keep_sequence(tensor_id t, std::vector<tensor_id> list,
                                             const std::string& name) {
        inlined_bytes_ += 64 + sizeof(tensor_id) * list.size();
        if (inlined_bytes_ > most_inlined_bytes)
            return fail(errc::limit_exceeded, name, "the sequences become too long");
        sequences_[t] = std::move(list);
        return {};
    }

    /// Where an element is, or is to be: counted from the end where that is negative, the end where nothing is said;
    /// nothing, and a note, where only a request decides it. Errors: invalid_model (there is no such place).
    [[nodiscard]] result<std::optional<std::size_t>> place_in(std::size_t length, bool inserts,
                                                              const std::vector<tensor_id>& operands,
                                                              const std::string& name) {
        const auto count = static_cast<std::int64_t>(length);
        const std::size_t at = inserts ? 2 : 1;
        std::int64_t place = inserts ? count : count - 1;
        if (operands.size() > at && operands[at] != no_id) {
            const auto known = known_.integer(graph_, operands[at], options_.evaluator);
            if (!known) {
                if (unsupported_.empty())
                    unsupported_.add("a place in a sequence that is not constant", name);
                return std::nullopt;
            }
            place = *known < 0 ? *known + count : *known;
        }
        if (place < 0 || place >= count + (inserts ? 1 : 0))
            return fail(errc::invalid_model, name, "the sequence has no such place");
        return static_cast<std::size_t>(place);
    }

    [[nodiscard]] result<void> join(std::vector<tensor_id> list, const attributes& attrs, tensor_id to,
                                    const std::string& name) {
        const auto axis = get_or<std::int64_t>(attrs, "axis", 0);
        if (list.empty()) return fail(errc::invalid_model, name, "nothing to join");
        if (get_or<std::int64_t>(attrs, "new_axis", 0) != 0) add_stack(std::move(list), to, axis, name);
        else
            append({.name = layer_names_.make(name),
                    .op = "Concat",
                    .inputs = std::move(list),
                    .outputs = {to},
                    .attrs = {{"axis", axis}}});
        return {};
    }

    /// Slices of one element each, without the axis unless `keepdims`, or of as many as a constant scalar says.
    [[nodiscard]] result<void> split_to_sequence(const std::vector<tensor_id>& operands,
                                                 const attributes& attrs, tensor_id to,
                                                 const std::string& name) {
        if (operands.empty() || operands[0] == no_id)
            return fail(errc::invalid_model, name, "nothing to split");
        const auto dims = known_.dims(graph_, operands[0], options_.evaluator);
        const bool sized = operands.size() > 1 && operands[1] != no_id;
        const auto size = sized ? known_.integer(graph_, operands[1], options_.evaluator) : std::int64_t{1};
        const bool scalar = !sized || (size && info(graph_).tensors[operands[1]].dims == shape{});
        if (!dims || !scalar) {
            if (unsupported_.empty())
                unsupported_.add("operator SplitToSequence of unknown or listed extents", name);
            return {};
        }
        const auto axis = dispart::detail::normal_axis(get_or<std::int64_t>(attrs, "axis", 0), dims->size());
        if (!axis || *size < 1) return fail(errc::invalid_model, name, "no such axis, or slices of nothing");
        const scanned whole{operands[0], static_cast<std::int64_t>(*axis), (*dims)[*axis], false};
        if (whole.length > most_split || (whole.length - 1) / *size >= static_cast<std::int64_t>(most_turns))
            return fail(errc::limit_exceeded, name, "too many elements or slices");
        inlined_bytes_ +=
            sizeof(std::int64_t) * static_cast<std::size_t>(std::max<std::int64_t>(whole.length, 0));
        const bool drops_axis = !sized && get_or<std::int64_t>(attrs, "keepdims", 1) == 0;
        std::vector<tensor_id> list;
        for (std::int64_t from = 0; from < whole.length; from += *size)
            list.push_back(drops_axis ? add_element(whole, from, name)
                                      : add_slice(whole, from, std::min(*size, whole.length - from), name));
        return keep_sequence(to, std::move(list), name);
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
    std::map<std::pair<std::string_view, std::string_view>, const function_proto*> functions_{};
    std::size_t inlined_bytes_ = 0;
    std::string open_inputs_{};
};

}  // namespace dispart::io::detail

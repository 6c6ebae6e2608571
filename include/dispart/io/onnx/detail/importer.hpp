#pragma once
/// \file
/// From ONNX's messages to a layer graph: names resolved, constants decoded, functions and decided branches inlined,
/// loops of a known number of turns unrolled.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/io/onnx/detail/assembly.hpp"
#include "dispart/io/onnx/detail/attributes.hpp"
#include "dispart/io/onnx/detail/inputs.hpp"
#include "dispart/io/onnx/detail/names.hpp"
#include "dispart/io/onnx/detail/parse.hpp"
#include "dispart/io/onnx/detail/sequences.hpp"
#include "dispart/io/onnx/options.hpp"
#include "dispart/io/onnx/tensor_proto.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/onnx_types.hpp"
#include "dispart/model/operators.hpp"

namespace dispart::io::detail {

/// Builds one model. Errors and exceptions: as `read_onnx` and wire_reader.
class onnx_importer : sequence_assembly {
  public:
    onnx_importer(const onnx_options& options, wire_state& state) : sequence_assembly(options, state) {}

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
    static constexpr std::size_t most_nested = 32;

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

    // The graph's inputs.

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

    /// A Scan's attributes without its body. Errors: those of attributes_of.
    [[nodiscard]] result<attributes> scan_attributes(const node_proto& node, const std::string& name) {
        std::vector<std::string_view> plain;
        for (const auto encoded : node.attributes)
            if (parse_attribute({encoded, state_}).type != attribute_type::graph) plain.push_back(encoded);
        return attributes_of(plain, {}, name);
    }

    std::map<std::pair<std::string_view, std::string_view>, const function_proto*> functions_{};
    std::string open_inputs_{};
};

}  // namespace dispart::io::detail

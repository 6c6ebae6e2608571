#pragma once
/// \file
/// What spreading rewrites are written with: new layers in groups, slices, joins, and the removal of what they replace.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/extract.hpp"
#include "dispart/model/infer.hpp"
#include "dispart/model/rewrite/remove_dead.hpp"
#include "dispart/model/uses.hpp"
#include "dispart/plan/spread/spread_model.hpp"

namespace dispart::detail {

/// Appends layers to a spread model; `finish` removes the layers that they replace.
class spread_rewriter {
  public:
    explicit spread_rewriter(const spread_model& from) : made_(from) {
        for (const auto& each : info(made_.graph).tensors) tensor_names_.insert(each.name);
        for (layer_id v = 0; v < num_vertices(made_.graph); ++v) layer_names_.insert(made_.graph[v].name);
        makers_ = producers(made_.graph);
    }

    [[nodiscard]] const model& graph() const { return made_.graph; }
    [[nodiscard]] spread_model& made() { return made_; }
    [[nodiscard]] const tensor_info& about(tensor_id t) const { return info(made_.graph).tensors[t]; }
    [[nodiscard]] const shape& dims(tensor_id t) const { return *about(t).dims; }

    std::size_t new_group(device_id device) {
        made_.device.push_back(device);
        return made_.device.size() - 1;
    }

    /// The layer that makes the tensor, or no_id.
    [[nodiscard]] layer_id maker_of(tensor_id t) const { return makers_[t]; }

    /// The group of the layer that makes the tensor; for what the model is given, a group of its own on that device.
    std::size_t group_of(tensor_id t, device_id home) {
        if (makers_[t] != no_id) return made_.group[makers_[t]];
        if (scatter_ == no_id) scatter_ = new_group(home);
        return scatter_;
    }

    tensor_id constant(const std::string& name, tensor value) {
        return add_tensor({.name = unused(tensor_names_, name),
                           .type = value.type(),
                           .dims = value.dims(),
                           .constant = true,
                           .value = value});
    }

    /// A constant that is described only.
    tensor_id weight(const std::string& name, shape dims, dtype type) {
        return add_tensor(
            {.name = unused(tensor_names_, name), .type = type, .dims = std::move(dims), .constant = true});
    }

    /// A layer of one result, whose shape is inferred. \param into an existing tensor that it makes, or no_id for a new one
    /// Errors: those of `infer_layer`; invalid_model where `into` has another shape.
    result<tensor_id> add(layer self, std::size_t group, tensor_id into = no_id) {
        self.name = unused(layer_names_, self.name);
        std::vector<const tensor_info*> operands;
        for (const auto t : self.inputs) operands.push_back(t == no_id ? nullptr : &about(t));
        self.outputs = {no_id};
        DISPART_TRY(const auto found, infer_layer({self, operands, {}, info(made_.graph).opset}));
        if (into != no_id && dims(into) != found[0].dims)
            return fail(errc::invalid_model, self.name,
                        "makes " + to_string(found[0].dims) + " in place of " + to_string(dims(into)));
        if (into == no_id)
            into = add_tensor(
                {.name = unused(tensor_names_, self.name), .type = found[0].type, .dims = found[0].dims});
        self.outputs = {into};
        makers_[into] = add_vertex(self, made_.graph);
        made_.group.push_back(group);
        return into;
    }

    /// The positions begin .. end - 1 along each of the axes.
    result<tensor_id> slice(const std::string& name, tensor_id t, const std::vector<std::int64_t>& axes,
                            const std::vector<std::int64_t>& begins, const std::vector<std::int64_t>& ends,
                            std::size_t group) {
        layer self{.name = name, .op = "Slice", .inputs = {t}};
        if (info(made_.graph).opset < 10) {
            self.attrs = {{"axes", axes}, {"starts", begins}, {"ends", ends}};
        } else {
            const shape length{static_cast<std::int64_t>(axes.size())};
            for (const auto& [what, list] :
                 {std::pair{".starts", &begins}, {".ends", &ends}, {".axes", &axes}})
                self.inputs.push_back(constant(name + what, tensor::of(length, *list)));
        }
        return add(std::move(self), group);
    }

    result<tensor_id> concat(const std::string& name, std::vector<tensor_id> pieces, std::int64_t axis,
                             std::size_t group, tensor_id into = no_id) {
        return add({.name = name, .op = "Concat", .inputs = std::move(pieces), .attrs = {{"axis", axis}}},
                   group, into);
    }

    /// Layers that share a group with a replaced layer and come after one go to another group: they wait for the result.
    void move_followers(const std::vector<bool>& replaced, std::size_t group) {
        std::vector<bool> touched(made_.device.size(), false), after(replaced.size(), false);
        const auto old = replaced.size();  // layers that were there before the rewrite
        for (layer_id v = 0; v < old; ++v)
            if (replaced[v]) touched[made_.group[v]] = true;
        std::vector<layer_id> open;
        for (layer_id v = 0; v < old; ++v)
            if (replaced[v]) open.push_back(v);
        while (!open.empty()) {
            const auto v = open.back();
            open.pop_back();
            const auto [first, last] = out_edges(v, made_.graph);
            for (auto e = first; e != last; ++e) {
                const auto next = target(*e, made_.graph);
                if (next >= old || after[next] || replaced[next]) continue;
                after[next] = true;
                open.push_back(next);
            }
        }
        for (layer_id v = 0; v < old; ++v)
            if (after[v] && touched[made_.group[v]]) made_.group[v] = group;
    }

    /// The model without the replaced layers, and without those that no output needs any more.
    [[nodiscard]] spread_model finish(const std::vector<bool>& replaced) {
        std::vector<bool> keep(num_vertices(made_.graph), false);
        std::vector<tensor_id> open(info(made_.graph).outputs);
        while (!open.empty()) {
            const auto v = makers_[open.back()];
            open.pop_back();
            if (v == no_id || keep[v] || (v < replaced.size() && replaced[v])) continue;
            keep[v] = true;
            for (const auto t : made_.graph[v].inputs)
                if (t != no_id) open.push_back(t);
        }
        std::vector<std::size_t> group;
        for (layer_id v = 0; v < keep.size(); ++v)
            if (keep[v]) group.push_back(made_.group[v]);
        keep_only(made_.graph, keep);
        connect(made_.graph);
        made_.group = std::move(group);
        return std::move(made_);
    }

  private:
    static std::string unused(std::unordered_set<std::string>& names, std::string name) {
        while (!names.insert(name).second) name += '_';
        return name;
    }
    tensor_id add_tensor(tensor_info about) {
        info(made_.graph).tensors.push_back(std::move(about));
        makers_.push_back(no_id);
        return makers_.size() - 1;
    }

    spread_model made_;
    std::unordered_set<std::string> tensor_names_{};
    std::unordered_set<std::string> layer_names_{};
    std::vector<layer_id> makers_{};
    std::size_t scatter_ = no_id;
};

}  // namespace dispart::detail

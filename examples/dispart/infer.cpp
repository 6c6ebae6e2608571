// dispart infer: one request on this machine, compared with a reference file.
#include <chrono>
#include <cstdio>

#include "dispart/commands.hpp"
#include "dispart/engine.hpp"
#include "dispart/io/json/reference.hpp"

namespace cli {

using namespace dispart;

namespace {

/// The reference's inputs in the model's order.
result<std::vector<tensor>> inputs_of(const model& m, const io::reference_case& reference) {
    std::vector<tensor> inputs;
    for (const auto t : info(m).inputs) {
        const auto& name = info(m).tensors[t].name;
        const auto found = std::find_if(reference.inputs.begin(), reference.inputs.end(),
                                        [&](const auto& each) { return each.name == name; });
        if (found == reference.inputs.end())
            return fail(errc::not_found, name, "the reference file has no such input");
        inputs.push_back(found->value);
    }
    return inputs;
}

}  // namespace

result<int> infer(const infer_arguments& given, bool as_json) {
    auto choice = given.model;
    std::optional<io::reference_case> reference;
    if (!given.check.empty()) {
        DISPART_TRY(reference, io::load_reference(given.check));
    }
    DISPART_TRY(const auto net, load_model(choice));
    DISPART_TRY(auto loaded, local_backend{.chosen = given.backend}.load(net));
    DISPART_TRY(const auto inputs, reference ? inputs_of(net, *reference) : make_inputs(net));
    DISPART_TRY(auto outputs, loaded.run(inputs));
    double fastest = 0.0;
    for (std::size_t i = 0; i < given.repeat; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        DISPART_TRY(outputs, loaded.run(inputs));
        const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        fastest = i == 0 ? took : std::min(fastest, took);
    }

    bool all_within = true;
    ordered_json document{{"model", info(net).name}, {"backend", given.backend}};
    if (given.repeat > 0) document["seconds"] = fastest;
    auto& list = document["outputs"] = ordered_json::array();
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        const auto& name = info(net).tensors[info(net).outputs[i]].name;
        ordered_json row{{"name", name}, {"shape", outputs[i].dims()}};
        if (reference) {
            const auto expected = std::find_if(reference->outputs.begin(), reference->outputs.end(),
                                               [&](const auto& each) { return each.name == name; });
            if (expected == reference->outputs.end())
                return fail(errc::not_found, name, "the reference file has no such output");
            if (outputs[i].dims() != expected->value.dims())
                return fail(errc::shape_mismatch, name,
                            "the output is " + to_string(outputs[i].dims()) + ", the reference " +
                                to_string(expected->value.dims()));
            const auto off = compare(outputs[i], expected->value, given.tolerance);
            row["max_abs_error"] = off.max_abs;
            row["max_rel_error"] = off.max_rel;
            row["within_tolerance"] = off.within;
            all_within = all_within && off.within;
        }
        list.push_back(std::move(row));
    }
    if (as_json) {
        print_json(document);
    } else {
        for (const auto& row : list) {
            std::cout << row["name"].get<std::string>() << ' ' << row["shape"].dump();
            if (reference)
                std::cout << "  max abs error " << row["max_abs_error"].get<double>() << ", max rel error "
                          << row["max_rel_error"].get<double>()
                          << (row["within_tolerance"] ? "  ok" : "  DIFFERS");
            std::cout << '\n';
        }
        if (given.repeat > 0) std::printf("%.3f ms\n", fastest * 1e3);
    }
    return all_within ? 0 : 1;
}

}  // namespace cli

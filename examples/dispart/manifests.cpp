// dispart manifests: a plan as Kubernetes manifests.
#include "dispart/io/json/manifests.hpp"

#include "dispart/commands.hpp"
#include "dispart/io/json/plan.hpp"
#include "dispart/machines.hpp"

namespace cli {

using namespace dispart;

result<int> manifests(const manifests_arguments& given, bool) {
    DISPART_TRY(const auto p, io::read_plan(given.plan));
    DISPART_TRY(const auto machines, load_cluster(given.cluster));
    DISPART_TRY(const auto made, io::kubernetes_manifests(
                                     p, machines, io::plan_to_json(p),
                                     {.image = given.image, .model = given.model, .backend = given.backend}));
    if (given.out.empty()) print_json(made);
    else DISPART_CHECK(io::write_json(given.out, made));
    return 0;
}

}  // namespace cli

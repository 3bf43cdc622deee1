#include "cases.h"
#include "need.h"

const generator_shape_t case_mixed = {.devices = 4,
                                      .profiles = 2,
                                      .sources = 3,
                                      .resources = 5,
                                      .readings = 5,
                                      .origins = 40,
                                      .unit = 300007,
                                      .own = 25,
                                      .foreign = 8,
                                      .nulls = 8,
                                      .tags = 15};
const generator_shape_t case_plain = {.devices = 20,
                                      .profiles = 2,
                                      .sources = 3,
                                      .resources = 5,
                                      .readings = 3,
                                      .origins = 10000,
                                      .unit = 1000003};
const generator_shape_t case_ties = {.devices = 2,
                                     .profiles = 1,
                                     .sources = 2,
                                     .resources = 3,
                                     .readings = 4,
                                     .origins = 5,
                                     .unit = 1,
                                     .own = 40};

suite_case_t *cases_new(size_t *count)
{
    const suite_case_t *const tables[] = {case_session, case_write,   case_type,      case_list,
                                          case_scan,    case_digest,  case_aggregate, case_purge,
                                          case_restart, case_workers, case_store,     case_last};
    suite_case_t *all = NULL;
    *count = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const suite_case_t *it = tables[i]; it->name; it++) {
            all = need_more(all, *count + 1, sizeof *all);
            all[(*count)++] = *it;
        }
    return all;
}

void case_make(suite_t *suite, case_event_t *made, pbus_str_t device, int64_t origin)
{
    made->reading = (pbus_reading_t){.origin = origin,
                                     .device = device,
                                     .profile = device,
                                     .resource = device,
                                     .type = PBUS_INT32,
                                     .value = PBUS_STR("42")};
    made->event = (pbus_event_t){.id = generator_id(suite->random),
                                 .origin = origin,
                                 .device = device,
                                 .profile = device,
                                 .source = device,
                                 .readings = &made->reading,
                                 .reading_count = 1};
}

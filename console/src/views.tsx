// The catalogue: every view, found by typing.
import {useMemo} from "preact/hooks";
import {useCatalogue} from "./catalogue";
import {count} from "./format";
import {Card, Empty, Failure, When} from "./parts";
import {hrefOf, usePlace} from "./router";
import {matcher, Search} from "./search";

export function Views() {
  const {query} = usePlace();
  const views = useCatalogue();
  const wanted = query.get("q") ?? "";
  const found = useMemo(() => {
    const matches = matcher(wanted);
    return (views.value ?? []).filter((view) => matches(`${view.name} ${view.description} ${(view.columns ?? []).map((column) => column.name).join(" ")}`));
  }, [views.value, wanted]);
  if (views.error && !views.value) return <Failure error={views.error} again={views.again} />;
  return (
    <Card
      title={views.value ? `${count(found.length)} ${found.length === 1 ? "view" : "views"}` : "Views"}
      aside={<Search page="views" label="Search views" placeholder="Name, words, a column" wanted={wanted} />}
    >
      {views.value && views.value.length === 0 && (
        <Empty title="There are no views yet">
          A view is one SELECT in <code>views/NAME.sql</code> of the project; <code>weir run</code> computes and publishes it.
        </Empty>
      )}
      {views.value && views.value.length > 0 && found.length === 0 && <Empty title={`No view has “${wanted}”`}>Names, descriptions and columns were searched.</Empty>}
      <ul class="catalogue">
        {found.map((view) => (
          <li key={view.name}>
            <a href={hrefOf(["views", view.name])}>
              <strong>{view.name}</strong>
              <span class="muted">{view.description}</span>
            </a>
            <span class="numbers muted">
              {view.rows !== undefined && view.rows >= 0 && <span>{count(view.rows)} rows published</span>}
              {view.meta?.published_at ? <When time={view.meta.published_at} /> : <span>{view.has_result ? "live" : "no result yet"}</span>}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

"""Names that server and page share before the page may be imported."""

PAGE = "abm.view.page:Page"
OPENING = "ABM_VIEW_SCENARIO"  # environment variable: the scenario that the command line named

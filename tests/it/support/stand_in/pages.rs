//! Pagination: page numbers, sizes and links.

use http::HeaderMap;

/// The position in a listing.
pub struct Pages {
    pub page: usize,
    pub per_page: usize,
    total: usize,
    url: String,
    query: Vec<(String, String)>,
}

/// The page of `all` that a query asks for. `default` is the page size unless the query sets one.
pub fn page_of<T>(all: Vec<T>, url: String, query: Vec<(String, String)>, default: usize) -> (Vec<T>, Pages) {
    let number = |name: &str| query.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse().ok());
    let (page, per_page) = (number("page").unwrap_or(1), number("per_page").unwrap_or(default).min(100));
    let pages = Pages { page, per_page, total: all.len(), url, query };
    (all.into_iter().skip((page - 1) * per_page).take(per_page).collect(), pages)
}

impl Pages {
    pub fn last(&self) -> usize {
        self.total.div_ceil(self.per_page).max(1)
    }

    /// The `Link` header (RFC 8288), with the relations that both providers use. `None` for a single page.
    pub fn link(&self) -> Option<String> {
        let url = |page: usize| {
            let others =
                self.query.iter().filter(|(name, _)| name != "page").map(|(name, value)| format!("{name}={value}"));
            let query: Vec<String> = others.chain([format!("page={page}")]).collect();
            format!("<{}?{}>", self.url, query.join("&"))
        };
        let mut links = Vec::new();
        if self.page > 1 {
            links.push(format!("{}; rel=\"prev\"", url(self.page - 1)));
            links.push(format!("{}; rel=\"first\"", url(1)));
        }
        if self.page < self.last() {
            links.push(format!("{}; rel=\"next\"", url(self.page + 1)));
            links.push(format!("{}; rel=\"last\"", url(self.last())));
        }
        (!links.is_empty()).then(|| links.join(", "))
    }

    /// GitLab's pagination headers.
    pub fn gitlab_headers(&self) -> HeaderMap {
        let next = if self.page < self.last() { (self.page + 1).to_string() } else { String::new() };
        let values = [
            ("x-page", self.page.to_string()),
            ("x-per-page", self.per_page.to_string()),
            ("x-next-page", next),
            ("x-total", self.total.to_string()),
            ("x-total-pages", self.last().to_string()),
        ];
        let mut headers: HeaderMap =
            values.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        if let Some(link) = self.link() {
            headers.insert("link", link.parse().unwrap());
        }
        headers
    }
}

//! Notifications by e-mail, SMS and push through a queue
